package emulator

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Members of the alliance and their host apps (seed 000). Modelled: a member
// with its AK, SK and officalNo, any number of host apps, each with a
// containerNo of its own, and the apps that a member may see. Not modelled:
// the review of a registration; Kafka notices for one member alone: all read
// the sandbox's topic.

// validHostName is what a member may be called.
var validHostName = regexp.MustCompile(`^[a-z0-9]{1,32}$`)

// A Host is a member of the alliance.
type Host struct {
	// AK and SK are its client_id and client_secret.
	AK string `json:"ak"`
	SK string `json:"sk"`
	// OfficalNo, so spelled in seed 000, is the member's number.
	OfficalNo int64 `json:"offical_no"`
	// Name stands behind the @ of the codes of its logins, and in capitals
	// behind the H that its swanids begin with: lower-case letters and digits.
	Name string `json:"name"`
	// Containers are its host apps, at least one, in the order they were
	// registered.
	Containers []Container `json:"containers"`
	// URL is where its server exchanges the codes of its logins; "" lets the
	// emulator be that server.
	URL string `json:"url"`
	// HSK is the secret that it and the platform sign their requests to each
	// other with.
	HSK string `json:"hsk"`
	// AppIDs are the apps that it may see; none means all.
	AppIDs []int64 `json:"app_ids"`
}

// A Container is a host app: an app with the runtime in it.
type Container struct {
	// ContainerNo is its number among all host apps of the alliance.
	ContainerNo int64  `json:"container_no"`
	Name        string `json:"name"`
	// Pkgname and KeyHash are the name of its package and the hash of the key
	// that signs it, by which requests name it (D).
	Pkgname string `json:"pkgname"`
	KeyHash string `json:"key_hash"`
}

// containerNo is the number of the member's first host app.
func (h *Host) containerNo() int64 {
	if len(h.Containers) == 0 {
		return 0
	}
	return h.Containers[0].ContainerNo
}

// sees reports whether the member may see an app.
func (h *Host) sees(app int64) bool { return len(h.AppIDs) == 0 || slices.Contains(h.AppIDs, app) }

// check says what a member lacks to be one.
func (h *Host) check() error {
	switch {
	case h.AK == "" || h.SK == "" || h.HSK == "":
		return errors.New("ak, sk and hsk must not be empty")
	case h.OfficalNo <= 0:
		return errors.New("offical_no must be a positive number")
	case !validHostName.MatchString(h.Name):
		return errors.New("name must be 1 to 32 lower-case letters and digits")
	case len(h.Containers) == 0:
		return errors.New("a member has at least one host app")
	}
	if err := checkHTTP("url", h.URL); err != nil {
		return err
	}
	for i := range h.Containers {
		c := &h.Containers[i]
		if c.ContainerNo <= 0 || utf8.RuneCountInString(c.Name) > 100 {
			return fmt.Errorf("containers/%d: want a container_no above 0 and a name of at most 100 characters", i)
		}
	}
	return nil
}

// addHost puts a member of the alliance into the state; what it leaves open is
// generated.
func (c *Call) addHost(h *Host) error {
	r := c.draw("host")
	generated := Host{AK: r.alnum(32), SK: r.alnum(32), OfficalNo: r.between(100_000, 999_999)}
	container := r.between(100_000, 999_999)
	generated.HSK = r.alnum(32)
	for c.State.host(generated.OfficalNo) != nil {
		generated.OfficalNo = r.between(100_000, 999_999)
	}
	h.AK, h.SK = cmp.Or(h.AK, generated.AK), cmp.Or(h.SK, generated.SK)
	h.OfficalNo = cmp.Or(h.OfficalNo, generated.OfficalNo)
	h.HSK = cmp.Or(h.HSK, generated.HSK)
	if len(h.Containers) == 0 {
		h.Containers = []Container{{}}
	}
	if h.AppIDs == nil {
		h.AppIDs = []int64{}
	}
	for i := range h.Containers {
		c.fillContainer(h, i, container, r)
	}
	h.Name = cmp.Or(h.Name, "host"+strconv.FormatInt(h.containerNo(), 10))
	if err := h.check(); err != nil {
		return &orderError{err.Error()}
	}
	if err := c.box.em.index.claim(h.AK, c.box); err != nil {
		return err
	}
	c.State.Hosts[h.AK] = h
	return nil
}

// completeHosts gives the members of an older state what they have since then.
func (s *State) completeHosts() {
	for ak, h := range s.Hosts {
		if h == nil {
			continue // a complaint of its own
		}
		r := s.draw("older host "+ak, 0)
		h.HSK = cmp.Or(h.HSK, r.alnum(32))
		if len(h.Containers) == 0 {
			no := r.between(100_000, 999_999)
			h.Containers = []Container{{ContainerNo: no, Name: "宿主 " + strconv.FormatInt(no, 10)}}
		}
		h.Name = cmp.Or(h.Name, "host"+strconv.FormatInt(h.containerNo(), 10))
		if h.AppIDs == nil {
			h.AppIDs = []int64{}
		}
	}
}

// fillContainer generates what one of a member's host apps leaves open; first
// is the number to try before others are drawn.
func (c *Call) fillContainer(h *Host, i int, first int64, r random) {
	one := &h.Containers[i]
	if one.ContainerNo == 0 {
		for first == 0 || c.State.container(first) != nil || hasContainer(h.Containers, first) {
			first = r.between(100_000, 999_999)
		}
		one.ContainerNo = first
	}
	number := strconv.FormatInt(one.ContainerNo, 10)
	one.Name = cmp.Or(one.Name, "宿主 "+number)
	one.Pkgname = cmp.Or(one.Pkgname, "com.example.host"+number)
	one.KeyHash = cmp.Or(one.KeyHash, r.hex(32))
}

func hasContainer(all []Container, no int64) bool {
	return slices.ContainsFunc(all, func(c Container) bool { return c.ContainerNo == no })
}

// host returns the member with that number, or nil.
func (s *State) host(officalNo int64) *Host {
	for _, h := range s.Hosts {
		if h.OfficalNo == officalNo {
			return h
		}
	}
	return nil
}

// hostNamed returns the member of that name, or nil.
func (s *State) hostNamed(name *string) *Host {
	for _, h := range s.Hosts {
		if name != nil && h.Name == *name {
			return h
		}
	}
	return nil
}

// container returns the member that has the host app with that number, or nil.
func (s *State) container(no int64) *Host {
	for _, h := range s.Hosts {
		if hasContainer(h.Containers, no) {
			return h
		}
	}
	return nil
}

// checkHosts holds the members of a state together.
func (s *State) checkHosts(*machine) error {
	members, containers, names := map[int64]bool{}, map[int64]bool{}, map[string]bool{}
	for ak, h := range s.Hosts {
		if h == nil || h.AK != ak {
			return errors.New("/hosts: each stands under its ak")
		}
		if err := h.check(); err != nil {
			return fmt.Errorf("/hosts/%d: %w", h.OfficalNo, err)
		}
		if members[h.OfficalNo] || names[h.Name] {
			return fmt.Errorf("/hosts: two members have the offical_no %d or the name %s", h.OfficalNo, h.Name)
		}
		members[h.OfficalNo], names[h.Name] = true, true
		for _, one := range h.Containers {
			if containers[one.ContainerNo] {
				return fmt.Errorf("/hosts/%d/containers: container_no %d is another host app's", h.OfficalNo, one.ContainerNo)
			}
			containers[one.ContainerNo] = true
		}
	}
	return nil
}
