package emulator_test

// The model: the lifecycle of packages as PLATFORM's table and seed 001 have
// it, completed by what is assumed where they are silent. It knows nothing of
// how the emulator is written; it is slow, plain and holds everything in lists.

import (
	"fmt"
	"slices"
	"time"
)

// The states of a package. The last three are listed nowhere.
const (
	uploading   = "uploading"
	failed      = "upload_failed"
	development = "development"
	inReview    = "in_review"
	rejected    = "rejected"
	approved    = "approved"
	online      = "online"
	rollingBack = "rolling_back"
	superseded  = "superseded"
	rolledBack  = "rolled_back"
	replaced    = "replaced"
)

// wireStatus is the status of seed 001's table; titles are its words.
var (
	wireStatus = map[string]int{development: 3, inReview: 4, rejected: 5, approved: 6, online: 1, rollingBack: 8}
	titles     = map[string]string{
		uploading: "上传中", failed: "上传失败", development: "开发版本", inReview: "审核中", rejected: "审核失败",
		approved: "审核通过", online: "线上版本", rollingBack: "回滚中", superseded: "曾在线上",
	}
)

// places are the slots: at most one package of an app in each.
var places = [][]string{{failed}, {development}, {inReview, rejected, approved}, {online, rollingBack}}

// legal names every transition that there is, by from and to. What a release
// pushes out is superseded, everything else that is pushed out replaced.
var legal = []string{
	"→uploading",
	"uploading→development", "uploading→in_review", "uploading→upload_failed",
	"development→in_review", "rejected→in_review",
	"in_review→approved", "in_review→rejected", "in_review→development",
	"approved→online", "online→superseded",
	"online→rolling_back", "rolling_back→rolled_back", "superseded→online",
	"upload_failed→replaced", "development→replaced", "rejected→replaced", "approved→replaced",
}

// refusals names every reason there is to refuse a step.
var refusals = []string{
	"upload: ext_json", "upload: out of service",
	"submit: unknown", "submit: illegal", "submit: out of service", "submit: name", "submit: categories",
	"submit: name and categories", "submit: other in review", "submit: quota",
	"direct commit: out of service", "direct commit: name", "direct commit: categories",
	"direct commit: name and categories", "direct commit: other in review", "direct commit: quota",
	"withdraw: unknown", "withdraw: illegal",
	"release: unknown", "release: illegal", "release: out of service", "release: not verified", "release: rolling back",
	"rollback: unknown", "rollback: illegal", "rollback: out of service", "rollback: no version before",
}

type modelPackage struct {
	app       *modelApp
	id        int64
	state     string
	version   string
	desc      string
	remark    string
	msg       string // a whole message, or a part of one if msgMore
	msgMore   bool
	direct    bool
	committed time.Time
	before    *modelPackage // what a rollback brings back
	errCode   int
	errMsg    string
	next      *modelTimer // what is decided on it
}

type modelApp struct {
	id               int64
	name, categories bool // approved
	verified         bool
	status           int
	quota            int // 0: the sandbox's
	used             map[string]int
	packages         []*modelPackage // in order of upload
	tps              []*modelTP
}

// A modelTP is a third-party platform and what its receiver answers next.
type modelTP struct {
	id      int64
	mailbox string
	answers []string
}

type modelTimer struct {
	due    time.Time
	set    int
	kind   string // upload, audit, rollback or push
	pkg    *modelPackage
	result string
	reason string
	code   int
	push   *modelPush
}

type modelDecision struct {
	kind, result, reason, version string
	app                           int64
	code                          int
	after                         time.Duration
	hasAfter                      bool
}

// A modelNotice is a Kafka notice that must have come.
type modelNotice struct {
	code     int
	app, pkg int64
	at       time.Time
}

// A modelPush is a push, until it is accepted or given up.
type modelPush struct {
	tp       *modelTP
	payload  map[string]any
	attempts int
}

// A modelLetter is one attempt that a receiver must have seen.
type modelLetter struct {
	tp       *modelTP
	payload  map[string]any
	at       time.Time
	accepted bool
}

// A model is a sandbox as it should be.
type model struct {
	now       time.Time
	apps      []*modelApp
	timers    []*modelTimer
	set       int
	decisions []*modelDecision
	manual    bool
	quota     int
	delay     map[string]time.Duration
	sending   []*modelPush
	notices   []modelNotice
	letters   []modelLetter
	hits      map[string]int // transitions
	refused   map[string]int // reasons to refuse
	arrivals  []string
}

func newModel(now time.Time, a *arena) *model {
	return &model{now: now, quota: 20, hits: a.hits, refused: a.refused, delay: map[string]time.Duration{
		"upload": 3 * time.Second, "audit": 5 * time.Second, "rollback": 3 * time.Second,
	}}
}

// A verdict is how a call must be answered: errno, words of its message, and
// why, for the record.
type verdict struct {
	errno int
	says  []string
	why   string
}

var done = verdict{}

// find returns a package of an app that still exists: what was replaced or
// rolled back does not.
func (a *modelApp) find(id int64) *modelPackage {
	for _, p := range a.packages {
		if p.id == id && p.state != replaced && p.state != rolledBack {
			return p
		}
	}
	return nil
}

func (a *modelApp) in(states ...string) *modelPackage {
	for _, p := range a.packages {
		if slices.Contains(states, p.state) {
			return p
		}
	}
	return nil
}

// week names the ISO week of a time in Shanghai.
func week(t time.Time) string {
	year, n := t.In(beijing).ISOWeek()
	return fmt.Sprint(year, "/", n)
}

func (m *model) left(a *modelApp) (times, remain int) {
	times = m.quota
	if a.quota > 0 {
		times = a.quota
	}
	return times, max(0, times-a.used[week(m.now)])
}

// The gates, in the order they are asked.

func inService(a *modelApp) verdict {
	if a.status == -1 || a.status == 4 {
		return verdict{45001, []string{"无此小程序操作权限"}, "out of service"}
	}
	return done
}

// mayBeSubmitted asks the gates of a submission after the app's status.
func (m *model) mayBeSubmitted(p *modelPackage) verdict {
	a := p.app
	if v := inService(a); v.errno != 0 {
		return v
	}
	switch {
	case !a.name && !a.categories:
		return verdict{69003, []string{"名称和类目"}, "name and categories"}
	case !a.name:
		return verdict{69001, []string{"名称"}, "name"}
	case !a.categories:
		return verdict{69002, []string{"类目"}, "categories"}
	}
	if other := a.in(inReview); other != nil && other != p {
		return verdict{40001, []string{"参数错误", "审核中", fmt.Sprint(other.id)}, "other in review"}
	}
	if _, left := m.left(a); left == 0 {
		return verdict{69013, []string{"送审额度超限"}, "quota"}
	}
	return done
}

// illegal is the refusal of a step that a state does not allow: it names the
// state and the steps that it does allow.
func illegal(p *modelPackage) verdict {
	says := []string{titles[p.state]}
	switch p.state {
	case development, rejected:
		says = append(says, "submitPackageAudit")
	case inReview:
		says = append(says, "withdrawPackageAudit")
	case approved:
		says = append(says, "releasePackage")
	case online:
		says = append(says, "rollbackPackage")
	default:
		says = append(says, "无")
	}
	return verdict{40001, says, "illegal"}
}

// move changes a package's state and pushes out what is in the way.
func (m *model) move(p *modelPackage, to string) {
	for _, place := range places {
		if !slices.Contains(place, to) {
			continue
		}
		for _, other := range p.app.packages {
			if other == p || !slices.Contains(place, other.state) {
				continue
			}
			if other.state == online {
				m.arrive(other, superseded)
			} else {
				m.arrive(other, replaced)
			}
		}
	}
	m.arrive(p, to)
}

func (m *model) arrive(p *modelPackage, to string) {
	m.hits[p.state+"→"+to]++
	m.arrivals = append(m.arrivals, fmt.Sprintf("%d %s→%s", p.id, p.state, to))
	p.state, p.next = to, nil
}

func (m *model) notify(p *modelPackage) {
	m.notices = append(m.notices, modelNotice{101, p.app.id, p.id, m.now})
}

// mayUpload says how an upload must be answered.
func (m *model) mayUpload(a *modelApp, ext string) verdict {
	if ext == "broken" {
		return verdict{69004, []string{"EXT_JSON"}, "ext_json"}
	}
	return inService(a)
}

// upload begins an upload that may begin.
func (m *model) upload(a *modelApp, p *modelPackage, direct bool) {
	if old := a.in(failed); old != nil {
		m.arrive(old, replaced)
	}
	p.app, p.committed, p.direct = a, m.now, direct
	a.packages = append(a.packages, p)
	m.move(p, uploading)
	m.decide(p, "upload")
}

func (m *model) submit(p *modelPackage, remark string) verdict {
	if p.state != development && p.state != rejected {
		return illegal(p)
	}
	if v := m.mayBeSubmitted(p); v.errno != 0 {
		return v
	}
	p.remark, p.msg, p.msgMore = remark, "", false
	m.enterReview(p)
	return done
}

func (m *model) enterReview(p *modelPackage) {
	p.app.used[week(m.now)]++
	m.move(p, inReview)
	m.notify(p)
	m.decide(p, "audit")
}

func (m *model) withdraw(p *modelPackage) verdict {
	if p.state != inReview {
		return illegal(p)
	}
	m.move(p, development)
	m.notify(p)
	return done
}

func (m *model) release(p *modelPackage) verdict {
	if p.state != approved {
		return illegal(p)
	}
	if v := inService(p.app); v.errno != 0 {
		return v
	}
	if !p.app.verified {
		return verdict{50038, []string{"高级认证"}, "not verified"}
	}
	if other := p.app.in(rollingBack); other != nil {
		return verdict{40001, []string{"参数错误", "回滚中", fmt.Sprint(other.id)}, "rolling back"}
	}
	p.before = p.app.in(online)
	m.move(p, online)
	m.notify(p)
	return done
}

func (m *model) rollback(p *modelPackage) verdict {
	if p.state != online {
		return illegal(p)
	}
	if v := inService(p.app); v.errno != 0 {
		return v
	}
	if p.before == nil {
		return verdict{40001, []string{"参数错误", "回滚", fmt.Sprint(p.id)}, "no version before"}
	}
	m.move(p, rollingBack)
	m.notify(p)
	m.decide(p, "rollback")
	return done
}
