package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"leasehold/lease"
	"leasehold/server/engine"
)

// reportsPath is where the reports of addresses that both servers of a pair gave
// away lie, beside a lease database. The file is JSON, replaced as a whole; it
// has the last conflicts of each relationship, no more than engine.Report has.
func reportsPath(leases string) string { return leases + ".conflicts" }

// readReports reads the file; there need not be one.
func readReports(dir lease.FS, path string) ([]engine.Report, error) {
	b, err := fileShelf{dir, reportsPath(path)}.Remembered()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []engine.Report
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("read addresses given twice: %w", err)
	}
	return list, nil
}

func writeReports(dir lease.FS, path string, list []engine.Report) error {
	b, err := json.MarshalIndent(list, "", "\t")
	if err == nil {
		err = fileShelf{dir, reportsPath(path)}.Remember(append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("store addresses given twice: %w", err)
	}
	return nil
}
