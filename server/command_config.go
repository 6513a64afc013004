package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"leasehold/config"
	"leasehold/server/control"
	"leasehold/server/message"
)

func configGet(_ context.Context, _ *Server, f *family, c *control.Command) control.Answer {
	cfg := f.cfg.Load()
	return control.Answer{Arguments: arguments(config.M(f.root(), shownTo(c, cfg.Tree)), config.M("hash", config.NewString(cfg.Hash)))}
}

func configHashGet(_ context.Context, _ *Server, f *family, _ *control.Command) control.Answer {
	return control.Answer{Arguments: arguments(config.M("hash", config.NewString(f.cfg.Load().Hash)))}
}

// root is the key of the family's map in a file.
func (f *family) root() string { return fmt.Sprintf("Dhcp%d", f.version) }

// configArgs returns the map that config-set and config-test bring; others are
// members that may stand beside it.
func (f *family) configArgs(args *config.Value, others ...string) (*config.Value, error) {
	if args == nil || args.Kind != config.Map {
		return nil, errors.New("Missing mandatory 'arguments' parameter.")
	}
	tree := args.Get(f.root())
	switch {
	case tree == nil:
		return nil, fmt.Errorf("Missing mandatory '%s' parameter.", f.root())
	case tree.Kind != config.Map:
		return nil, fmt.Errorf("'%s' parameter expected to be a map.", f.root())
	}
	text := ""
	known := map[string]bool{f.root(): true}
	for _, name := range others {
		known[name] = true
	}
	for _, m := range args.Members {
		switch {
		case known[m.Key]:
		case text == "":
			text = fmt.Sprintf("Unsupported '%s' parameter", m.Key)
		default:
			text += fmt.Sprintf(" (and '%s')", m.Key)
		}
	}
	if text != "" {
		return nil, errors.New(text + ".")
	}
	return tree, nil
}

// parse checks a tree. The error has the words of an answer.
func (s *Server) parse(f *family, tree *config.Value) (*config.Family, error) {
	next, _, err := config.ParseFamilyWith(s.parsing(), f.version, tree)
	if err != nil {
		return nil, worded(err)
	}
	return next, nil
}

// worded words the problems of a configuration in one line, the first in full.
func worded(err error) error {
	var ps config.Problems
	if !errors.As(err, &ps) || len(ps) == 0 {
		return err
	}
	text := problemText(ps[0])
	if n := len(ps) - 1; n > 0 {
		text += fmt.Sprintf("; and %d more", n)
	}
	return errors.New(text)
}

var (
	wrongKind  = regexp.MustCompile(`where (an?) (\w+) is expected`)
	unknownKey = regexp.MustCompile(`keyword "(.*)" in `)
)

// problemText words a problem as Kea's commands do, where they do it otherwise
// than its grammar of files.
func problemText(p *config.Problem) string {
	key := p.Path[strings.LastIndexByte(p.Path, '/')+1:]
	switch p.Code {
	case "wrong-type":
		if m := wrongKind.FindStringSubmatch(p.What); m != nil {
			return fmt.Sprintf("'%s' parameter is not %s %s", key, m[1], m[2])
		}
	case "unknown-key":
		m := unknownKey.FindStringSubmatch(p.What)
		switch {
		case m == nil:
		case strings.Contains(p.Path, "/client-classes["):
			return fmt.Sprintf("unsupported client class parameter '%s'", m[1])
		case strings.Count(p.Path, "/") <= 1:
			return fmt.Sprintf("unsupported global configuration parameter: %s (%s)", m[1], p.Pos)
		default:
			return fmt.Sprintf("spurious '%s' parameter", m[1])
		}
	}
	return p.Placed()
}

func configTest(_ context.Context, s *Server, f *family, c *control.Command) control.Answer {
	tree, err := f.configArgs(c.Arguments)
	if err != nil {
		return failure("%v", err)
	}
	if _, err := s.parse(f, tree); err != nil {
		return failure("%v", err)
	}
	return control.Answer{Text: "Configuration seems sane. Control-socket, hook-libraries, and D2 configuration were sanity checked, but not applied."}
}

// configSet replaces the configuration. With confirm-within it returns to the
// old one by itself, unless config-confirm comes within that many seconds.
func configSet(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	tree, err := f.configArgs(c.Arguments, confirmWithin)
	if err != nil {
		return failure("%v", err)
	}
	within, err := confirmArg(c.Arguments)
	if err != nil {
		return failure("%v", err)
	}
	next, err := s.parse(f, tree)
	if err != nil {
		return failure("%v", err)
	}
	before := f.cfg.Load()
	d, err := s.configure(ctx, f, next)
	if err != nil {
		return failure("%v", err)
	}
	if within > 0 {
		s.awaitConfirmation(f, before, within)
	} else {
		s.dropConfirmation(f)
	}
	return configured(f, d)
}

const confirmWithin = "confirm-within"

// maxConfirm is how long a configuration may wait for its confirmation.
const maxConfirm = 24 * time.Hour

func confirmArg(args *config.Value) (time.Duration, error) {
	v := args.Get(confirmWithin)
	if v == nil {
		return 0, nil
	}
	if v.Kind != config.Int || v.Int <= 0 || v.Int > int64(maxConfirm/time.Second) {
		return 0, fmt.Errorf("'%s' parameter expected to be a number of seconds from 1 to %d.", confirmWithin, int64(maxConfirm/time.Second))
	}
	return time.Duration(v.Int) * time.Second, nil
}

func configured(f *family, d *difference) control.Answer {
	return control.Answer{Text: "Configuration successful.",
		Arguments: arguments(config.M("changes", d.value()), config.M("hash", config.NewString(f.cfg.Load().Hash)))}
}

// confirmation is a configuration that returns unless it is called off.
type confirmation struct {
	before *config.Family
	timer  interface{ Stop() bool }
}

func (s *Server) awaitConfirmation(f *family, before *config.Family, within time.Duration) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if f.confirm != nil {
		// Nothing was confirmed since: that is where to return to.
		f.confirm.timer.Stop()
		before = f.confirm.before
	}
	p := &confirmation{before: before}
	p.timer = s.o.AfterFunc(within, func() { s.revert(f, p) })
	f.confirm = p
}

// revert returns to the configuration from before, as nobody confirmed.
func (s *Server) revert(f *family, p *confirmation) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if f.confirm != p {
		return
	}
	f.confirm = nil
	if _, err := s.configureLocked(context.Background(), f, p.before, false); err != nil {
		f.log.Log(message.ConfigReturned, "return to the configuration before config-set: %v", err)
		return
	}
	f.log.Log(message.ConfigReturned, "nobody confirmed the new configuration: the one before it is back")
}

func (s *Server) dropConfirmation(f *family) bool {
	s.changing.Lock()
	defer s.changing.Unlock()
	if f.confirm == nil {
		return false
	}
	f.confirm.timer.Stop()
	f.confirm = nil
	return true
}

func configConfirm(_ context.Context, s *Server, f *family, _ *control.Command) control.Answer {
	if !s.dropConfirmation(f) {
		return control.Answer{Result: control.Empty, Text: "No configuration waits to be confirmed."}
	}
	return control.Answer{Text: "Configuration confirmed."}
}

func configReload(ctx context.Context, s *Server, f *family, _ *control.Command) control.Answer {
	file := f.cfg.Load().File
	d, err := s.reload(ctx, f)
	if err != nil {
		return failure("Config reload failed: configuration error using file '%s': %v", file, worded(err))
	}
	return configured(f, d)
}

func configBackendPull(context.Context, *Server, *family, *control.Command) control.Answer {
	return control.Answer{Result: control.Empty, Text: "No config backend."}
}

func configWrite(_ context.Context, s *Server, f *family, c *control.Command) control.Answer {
	cfg := f.cfg.Load()
	if c.Arguments != nil && c.Arguments.Kind != config.Map {
		return failure("Argument must be a map")
	}
	file := cfg.File
	if v := c.Arguments.Get("filename"); v != nil {
		if v.Kind != config.String {
			return failure("passed parameter 'filename' is not a string")
		}
		file = v.Str
	}
	if file == "" {
		return failure("Unable to determine filename.Please specify filename explicitly.")
	}
	file, err := beside(cfg.File, file, config.WithinByName)
	if err != nil {
		return failure("not allowed to write config into %s: %v", file, err)
	}
	text := fileText(cfg)
	if err := writeFile(file, text); err != nil {
		return failure("Error during config-write: %v", err)
	}
	if file == cfg.File {
		s.fileIsGood(f)
	}
	return control.Answer{Text: "Configuration written to " + file + " successful",
		Arguments: arguments(config.M("filename", config.NewString(file)), config.M("size", config.NewInt(int64(len(text)))))}
}

// beside confines a file to the directory of a file of ours: a command must not
// write elsewhere.
func beside(own, name string, within func(dir, name string) error) (string, error) {
	if own == "" {
		return name, errors.New("the configuration came from no file, so there is no directory for it")
	}
	dir := filepath.Dir(own)
	switch base := filepath.Base(name); {
	case name == "" || base == "." || base == ".." || base == string(filepath.Separator):
		return name, fmt.Errorf("path: '%s' has no filename", name)
	case config.Bare(name):
		return filepath.Join(dir, base), nil
	}
	if err := within(dir, name); err != nil {
		return name, err
	}
	return name, nil
}

// fileText is a configuration as config-write writes it.
func fileText(f *config.Family) []byte {
	v := config.NewMap(config.M(fmt.Sprintf("Dhcp%d", f.Version), f.Tree))
	return append(appendIndented(nil, v, ""), '\n')
}

// appendIndented prints a value for people: one member or element a line.
func appendIndented(b []byte, v *config.Value, indent string) []byte {
	inner := indent + "  "
	switch {
	case v.Kind == config.Map && len(v.Members) > 0:
		b = append(b, '{')
		for i, m := range v.Members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(b, '\n'), inner...)
			b = append(control.AppendString(b, m.Key), ": "...)
			b = appendIndented(b, m.Value, inner)
		}
		return append(append(append(b, '\n'), indent...), '}')
	case v.Kind == config.List && len(v.List) > 0:
		b = append(b, '[')
		for i, x := range v.List {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(b, '\n'), inner...)
			b = appendIndented(b, x, inner)
		}
		return append(append(append(b, '\n'), indent...), ']')
	}
	return v.AppendJSON(b)
}

// defaultMode is the mode of a configuration file that is new.
const defaultMode = 0o640

// writeFile replaces a file at once, durably, and keeps its mode and owner.
func writeFile(name string, text []byte) (err error) {
	mode := os.FileMode(defaultMode)
	old, statErr := os.Stat(name)
	if statErr == nil {
		mode = old.Mode().Perm()
	}
	t, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", name, err), t.Close(), os.Remove(t.Name()))
		}
	}()
	if _, err = t.Write(text); err != nil {
		return err
	}
	if err = t.Chmod(mode); err != nil {
		return err
	}
	if statErr == nil {
		if err = sameOwner(t, old); err != nil {
			return err
		}
	}
	if err = t.Sync(); err != nil {
		return err
	}
	if err = os.Rename(t.Name(), name); err != nil {
		return err
	}
	if err := t.Close(); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return syncDir(filepath.Dir(name))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
