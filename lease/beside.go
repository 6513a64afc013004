package lease

import "os"

// ReadBeside fills an empty Store from the lease files of a server that may be at
// work, Kea or ours: nothing is written or locked. A missing file has no leases.
func ReadBeside(path string, s *Store) (LoadReport, error) {
	m := &Memfile{fs: OS, path: path, v6: s.Family() == 6}
	if _, err := os.Stat(path); err != nil && !os.IsNotExist(err) {
		return LoadReport{}, err
	}
	err := s.Restore(m)
	return m.report, err
}

// ReadDBBeside is ReadBeside for a database.
func ReadDBBeside(path string, s *Store) error {
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return nil
	} else if err != nil {
		return err
	}
	return s.fill(func() error {
		return ReadDB(path, s.Family(), func(l Lease) error {
			s.set(&l)
			return nil
		})
	})
}
