package foreman

import (
	"encoding/json"
	"reflect"
	"strings"
)

// Extra holds the fields of an object that this version of the package does not
// know, as they came.
type Extra map[string]json.RawMessage

// decodeOpen reads an object into the struct at `known`, and gives its other fields; nil where there are none.
func decodeOpen(data []byte, known any) (Extra, error) {
	if err := json.Unmarshal(data, known); err != nil {
		return nil, err
	}
	var extra Extra
	if err := json.Unmarshal(data, &extra); err != nil {
		return nil, err
	}
	fields := reflect.TypeOf(known).Elem()
	for i := range fields.NumField() {
		name, _, _ := strings.Cut(fields.Field(i).Tag.Get("json"), ",")
		delete(extra, name)
	}
	if len(extra) == 0 {
		return nil, nil
	}
	return extra, nil
}
