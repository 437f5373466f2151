package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Write writes report.md, report.json and a chart each into dir, which is made
// if it is not there.
func (r Report) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var page bytes.Buffer
	r.Markdown(&page)
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	files := map[string][]byte{"report.md": page.Bytes(), "report.json": append(data, '\n')}
	for _, s := range r.Sections {
		for _, c := range s.Charts {
			svg, err := c.SVG()
			if err != nil {
				return fmt.Errorf("chart %s: %w", c.Name(), err)
			}
			files[c.Name()+".svg"] = svg
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Read reads the report.json of an earlier run.
func Read(file string) (Report, error) {
	var r Report
	data, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("%s is no report.json: %w", file, err)
	}
	return r, nil
}
