package batch

func (b Batch) filterLegacy(dst []byte, f Filter) ([]byte, Filtered, error) {
	return append(dst, b...), Filtered{}, nil
}
