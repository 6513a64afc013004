package control

import (
	"errors"
	"fmt"

	"leasehold/config"
)

// parseValue reads one JSON value in Kea's dialect. The error is the text of
// an answer.
func parseValue(text []byte) (*config.Value, error) {
	v, warnings, err := config.ParseValue("<wire>", text, false)
	if err == nil && len(warnings) == 0 {
		return v, nil
	}
	if err == nil {
		err = warnings // Kea: an extra comma passes in a file, not in a command
	}
	if ps := config.Problems(nil); errors.As(err, &ps) && len(ps) > 0 {
		return nil, fmt.Errorf("%s in %s", ps[0].What, ps[0].Pos)
	}
	return nil, err
}
