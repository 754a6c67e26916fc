package report

func (r *Report) WriteMarkdown(path string) error { return nil }
func (r *Report) WriteHTML(path string) error { return nil }
