package probe

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// The engines, in the order in which they are preferred.
const (
	EngineIOUring  = "io_uring"
	EngineEpoll    = "epoll"
	EnginePortable = "portable"
)

// Want is what the program asks for. The zero value takes the best engine there
// is, with every feature that works.
type Want struct {
	// Engine names one engine; empty or "auto" leaves the choice to Decide.
	Engine string
	// Require lists features that io_uring is not used without, over and above the
	// ones it always needs.
	Require []string
	// Off lists features not to use although they work.
	Off []string
}

// Decision is the engine to run and why. A Decision without an engine means that
// the one asked for can not run; [Decision.Err] says why.
type Decision struct {
	Engine   string     `json:"engine"`
	Reason   string     `json:"reason"` // one line
	Rejected []Rejected `json:"rejected,omitempty"`
	// Features are the ids of the io_uring features in use; empty for the others.
	Features []string `json:"features,omitempty"`
}

// Rejected is an engine that would have been preferred, or was asked for, and why
// it does not run.
type Rejected struct {
	Engine string `json:"engine"`
	Reason string `json:"reason"`
	Errno  Errno  `json:"errno,omitempty"`
}

// EngineStatus is one engine as a report lists it.
type EngineStatus struct {
	Engine string `json:"engine"`
	Ready  bool   `json:"ready"`
	Chosen bool   `json:"chosen"` // what [Decide] picks for the zero [Want]
	Reason string `json:"reason"` // what it has, or why it can not run
	Errno  Errno  `json:"errno,omitempty"`
}

// Decide picks the engine. It is a pure function of its arguments: the same report
// and the same want give the same decision, in the runtime and in ringprobe. A nil
// report decides for the portable engine.
func Decide(r *Report, want Want) Decision {
	if r == nil {
		r = &Report{}
	}
	if want.Engine != "" && want.Engine != "auto" {
		return decideNamed(r, want)
	}
	var d Decision
	for _, engine := range []string{EngineIOUring, EngineEpoll, EnginePortable} {
		no := r.reject(engine, want)
		if no == nil {
			d.choose(r, engine, want)
			return d
		}
		d.Rejected = append(d.Rejected, *no)
	}
	return d
}

func decideNamed(r *Report, want Want) Decision {
	var d Decision
	if no := r.reject(want.Engine, want); no != nil {
		d.Reason, d.Rejected = no.Reason, []Rejected{*no}
		return d
	}
	d.choose(r, want.Engine, want)
	if want.Engine != EngineIOUring {
		d.Reason = "asked for"
	}
	return d
}

func (d *Decision) choose(r *Report, engine string, want Want) {
	d.Engine, d.Reason = engine, "usable"
	if engine == EngineIOUring {
		d.Features = r.inUse(want)
	} else if len(d.Rejected) > 0 {
		d.Reason = d.Rejected[0].Reason // why not the best one
	}
}

// inUse lists the features that work, are not known to be bad and were not
// switched off by the program.
func (r *Report) inUse(want Want) []string {
	var ids []string
	for _, f := range r.Features {
		if f.Usable() && !slices.Contains(want.Off, f.ID) {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// reject says why the engine can not run, nil if it can.
func (r *Report) reject(engine string, want Want) *Rejected {
	switch engine {
	case EngineIOUring:
		return r.rejectIOUring(want)
	case EngineEpoll:
		return r.rejectEpoll()
	case EnginePortable:
		return nil
	}
	return &Rejected{Engine: engine, Reason: fmt.Sprintf("there is no engine %q", engine)}
}

func (r *Report) rejectEpoll() *Rejected {
	for _, e := range r.Engines {
		if e.Engine == EngineEpoll && e.Ready {
			return nil
		} else if e.Engine == EngineEpoll {
			return &Rejected{Engine: EngineEpoll, Reason: e.Reason, Errno: e.Errno}
		}
	}
	return &Rejected{Engine: EngineEpoll, Reason: "epoll was not probed"}
}

func (r *Report) rejectIOUring(want Want) *Rejected {
	if b := r.Block; b != nil {
		return &Rejected{Engine: EngineIOUring, Reason: b.Reason, Errno: b.Errno}
	}
	if len(r.Features) == 0 {
		return &Rejected{Engine: EngineIOUring, Reason: "io_uring was not probed"}
	}
	if f, reason := r.worst(want); reason != "" {
		return &Rejected{Engine: EngineIOUring, Reason: "io_uring " + reason, Errno: f.Errno}
	}
	for _, id := range want.Require {
		if _, ok := r.Feature(id); !ok {
			return &Rejected{Engine: EngineIOUring, Reason: fmt.Sprintf("there is no feature %q", id)}
		}
	}
	return nil
}

// worst finds the needed feature that speaks against io_uring, of several the one
// that came last: its first kernel is the one to run.
func (r *Report) worst(want Want) (worst Feature, why string) {
	for _, f := range r.Features {
		if !f.Required && !slices.Contains(want.Require, f.ID) {
			continue
		}
		if reason := f.missing(want); reason != "" && (why == "" || worst.Since.Less(f.Since)) {
			worst, why = f, reason
		}
	}
	return worst, why
}

// missing says in few words what is wrong with a feature that is needed, or
// nothing.
func (f Feature) missing(want Want) string {
	switch {
	case f.State == No:
		return fmt.Sprintf("lacks %s (Linux %s)", f.Name, f.Since)
	case f.State == Unknown && f.Note != "":
		return fmt.Sprintf("could not show %s: %s", f.Name, f.Note)
	case f.State == Unknown:
		return fmt.Sprintf("could not show %s", f.Name)
	case f.Off != "":
		return fmt.Sprintf("has a bad %s: %s", f.Name, f.Off)
	case slices.Contains(want.Off, f.ID):
		return fmt.Sprintf("needs %s, which is switched off", f.Name)
	}
	return ""
}

// Has reports whether the decision is to use this io_uring feature.
func (d Decision) Has(feature string) bool { return slices.Contains(d.Features, feature) }

// String is the verdict in one line: "io_uring: usable",
// "epoll: io_uring blocked by seccomp".
func (d Decision) String() string {
	if d.Engine == "" {
		return "none: " + d.Reason
	}
	return d.Engine + ": " + d.Reason
}

// Err is nil where an engine can run. Otherwise errors.Is holds for
// errors.ErrUnsupported and for the errno that stood in the way.
func (d Decision) Err() error {
	if d.Engine != "" {
		return nil
	}
	causes := []error{errors.ErrUnsupported}
	var names []string
	for _, no := range d.Rejected {
		names = append(names, no.Engine)
		if err := no.Errno.Err(); err != nil {
			causes = append(causes, err)
		}
	}
	return &decisionError{engines: strings.Join(names, ", "), reason: d.Reason, causes: causes}
}

type decisionError struct {
	engines, reason string
	causes          []error
}

func (e *decisionError) Error() string   { return "engine " + e.engines + " can not run: " + e.reason }
func (e *decisionError) Unwrap() []error { return e.causes }

// LogValue groups engine and reason. It implements slog.LogValuer.
func (d Decision) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("engine", d.Engine), slog.String("reason", d.Reason)}
	if len(d.Features) > 0 {
		attrs = append(attrs, slog.String("features", strings.Join(d.Features, ",")))
	}
	return slog.GroupValue(attrs...)
}
