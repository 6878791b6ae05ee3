package emulator

import (
	"errors"
	"fmt"
	"slices"
)

// What users answer when a client asks them: whether an app may, which address,
// whether to share (seeds 003 and 004). A host's server learns of it only by
// what the client then sends; a client that runs without anybody in front of it
// asks the emulator instead. Modelled: answers queued ahead, by app, user and
// question; one for all questions nobody was told about.

// The values of a UserAnswer's Answer.
const (
	AnswerAgree  = "agree"
	AnswerRefuse = "refuse"
	AnswerCancel = "cancel" // the dialog is closed without an answer
)

// A UserAnswer is what a user will answer, once.
type UserAnswer struct {
	ID int64 `json:"id"`
	// App and Huid say whom it is for; 0 is any.
	App  int64 `json:"app_id,omitempty"`
	Huid int64 `json:"huid,omitempty"`
	// Ask is the question: a scope, by the host's or the client's name, or
	// what else clients ask, such as share; "" is any.
	Ask string `json:"ask,omitempty"`
	// Answer is AnswerAgree, AnswerRefuse or AnswerCancel.
	Answer string `json:"answer"`
	// Choice is the id of what the user chooses, where there is a choice; 0 is
	// the first.
	Choice int64 `json:"choice,omitempty"`
}

// check says what is wrong with an answer.
func (a *UserAnswer) check() error {
	if !slices.Contains([]string{AnswerAgree, AnswerRefuse, AnswerCancel}, a.Answer) {
		return errors.New("answer: want agree, refuse or cancel")
	}
	if a.App < 0 || a.Huid < 0 || a.Choice < 0 {
		return errors.New("app_id, huid and choice must not be negative")
	}
	return nil
}

// questionNamed is what a question is known as, whichever name it came by.
func questionNamed(question string) string {
	if sc, ok := scopeNamed(question); ok {
		return sc.id
	}
	return question
}

// isFor reports whether it is the answer to a question to a user in an app.
func (a *UserAnswer) isFor(app *App, u *User, question string) bool {
	return (a.App == 0 || a.App == app.ID) && (a.Huid == 0 || u != nil && a.Huid == u.Huid) && (a.Ask == "" || questionNamed(a.Ask) == question)
}

// An AnswerDetail is a user who was asked, and what they answered.
type AnswerDetail struct {
	App    int64  `json:"app_id"`
	Huid   int64  `json:"huid,omitempty"`
	Ask    string `json:"ask"`
	Answer string `json:"answer"`
	// ID is the answer that was queued; 0: none was.
	ID int64 `json:"id,omitempty"`
}

func (*AnswerDetail) journalDetail() {}

// ask asks a user and returns the answer, which is used up by it.
func (c *Call) ask(app *App, u *User, question string) *UserAnswer {
	question = questionNamed(question)
	d := &AnswerDetail{App: app.ID, Ask: question, Answer: c.State.Config.UserAnswer}
	if u != nil {
		d.Huid = u.Huid
	}
	out := &UserAnswer{Answer: d.Answer}
	if i := slices.IndexFunc(c.State.Answers, func(a *UserAnswer) bool { return a.isFor(app, u, question) }); i >= 0 {
		out = c.State.Answers[i]
		d.Answer, d.ID = out.Answer, out.ID
		c.State.Answers = slices.Delete(c.State.Answers, i, i+1)
	}
	if len(c.State.Answers) == 0 {
		c.State.Answers = nil
	}
	c.record(KindAnswer, d)
	return out
}

// checkHost holds what the host API keeps of a state together.
func (s *State) checkHost(*machine) error {
	last := int64(0)
	for i, a := range s.Answers {
		if a == nil || a.ID <= last || a.ID > s.LastAnswer {
			return fmt.Errorf("/answers/%d: ids must grow and not be above last_answer", i)
		}
		if err := a.check(); err != nil {
			return fmt.Errorf("/answers/%d: %w", i, err)
		}
		last = a.ID
	}
	for id, f := range s.Forms {
		if f == nil || id == "" || f.Life < 0 || f.Expires < 0 {
			return fmt.Errorf("/forms/%s: want a form with a life", id)
		}
	}
	return nil
}
