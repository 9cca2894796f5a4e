package keymap

// MainScreens is the number of main screens: those with a tab.
const MainScreens = int(GoLessons-GoOverview) + 1

// MainScreen returns the index of the main screen that an intent goes to.
func MainScreen(intent Intent) int { return int(intent - GoOverview) }

// IsGlobal reports whether an intent means the same on every screen.
func IsGlobal(intent Intent) bool { return intent > None && intent <= StopCluster }
