package server

func runAsServer() bool { return false }
