package foreman

import (
	"bufio"
	"bytes"
	"io"
)

// frame is one event of a stream of server-sent events.
type frame struct {
	id    string
	event string
	data  []byte
}

// The longest line that is read: far above any event of foreman's.
const longestLineBytes = 64 << 20

// frameReader reads server-sent events, as far as foreman uses them.
// Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, "Parsing an event stream".
type frameReader struct {
	lines *bufio.Scanner
	// Called for each line, comments included: the stream lives.
	alive func()
	// The last line ended with CR: an LF behind it is the rest of that end.
	afterCR bool
	begun   bool
}

func newFrameReader(body io.Reader, alive func()) *frameReader {
	r := &frameReader{lines: bufio.NewScanner(body), alive: alive}
	r.lines.Buffer(nil, longestLineBytes)
	r.lines.Split(r.split)
	return r
}

// split takes lines that end with LF, CR or both, as soon as one of them is there.
func (r *frameReader) split(data []byte, _ bool) (int, []byte, error) {
	begin := 0
	if r.afterCR && len(data) > 0 {
		r.afterCR = false
		if data[0] == '\n' {
			begin = 1
		}
	}
	length := bytes.IndexAny(data[begin:], "\r\n")
	if length < 0 {
		return begin, nil, nil
	}
	end := begin + length
	r.afterCR = data[end] == '\r'
	return end + 1, data[begin:end], nil
}

// next gives the next event that came whole. What was cut before its blank line is
// no event; it comes again.
func (r *frameReader) next() (frame, error) {
	var f frame
	for r.lines.Scan() {
		r.alive()
		line := r.lines.Bytes()
		if !r.begun {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
			r.begun = true
		}
		if len(line) == 0 && f.data != nil {
			return f, nil
		}
		if len(line) == 0 {
			f = frame{}
			continue
		}
		f.take(line)
	}
	if err := r.lines.Err(); err != nil {
		return frame{}, err
	}
	return frame{}, io.ErrUnexpectedEOF
}

func (f *frame) take(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "id":
		f.id = string(value)
	case "event":
		f.event = string(value)
	case "data":
		if f.data != nil {
			f.data = append(f.data, '\n')
		}
		f.data = append(f.data, value...)
	}
}
