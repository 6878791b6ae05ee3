package emulator

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"unicode/utf8"
)

// Members of the alliance and their host apps (seed 000). Modelled: a member
// with its AK, SK and officalNo, any number of host apps, each with a
// containerNo of its own, and the apps that a member may see. Not modelled:
// the review of a registration; Kafka notices for one member alone: all read
// the sandbox's topic.

// A Host is a member of the alliance.
type Host struct {
	// AK and SK are its client_id and client_secret.
	AK string `json:"ak"`
	SK string `json:"sk"`
	// OfficalNo, so spelled in seed 000, is the member's number.
	OfficalNo int64  `json:"offical_no"`
	Name      string `json:"name"`
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
	case len(h.Containers) == 0:
		return errors.New("a member has at least one host app")
	}
	if err := checkHostURL(h.URL); err != nil {
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

// checkHostURL says what is wrong with the address of a host's server, without
// showing it.
func checkHostURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "" {
		return errors.New("url must be an http or https URL with a host and without a fragment, or empty")
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
	h.Name = cmp.Or(h.Name, fmt.Sprintf("联盟成员 %d", h.OfficalNo))
	if len(h.Containers) == 0 {
		h.Containers = []Container{{}}
	}
	if h.AppIDs == nil {
		h.AppIDs = []int64{}
	}
	for i := range h.Containers {
		c.fillContainer(h, i, container, r)
	}
	if err := h.check(); err != nil {
		return &orderError{err.Error()}
	}
	if err := c.box.em.index.claim(h.AK, c.box); err != nil {
		return err
	}
	c.State.Hosts[h.AK] = h
	return nil
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
	one.Name = cmp.Or(one.Name, fmt.Sprintf("宿主 %d", one.ContainerNo))
	one.Pkgname = cmp.Or(one.Pkgname, "com.example.host"+fmt.Sprint(one.ContainerNo))
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
	members, containers := map[int64]bool{}, map[int64]bool{}
	for ak, h := range s.Hosts {
		if h == nil || h.AK != ak {
			return errors.New("/hosts: each stands under its ak")
		}
		if err := h.check(); err != nil {
			return fmt.Errorf("/hosts/%d: %w", h.OfficalNo, err)
		}
		if members[h.OfficalNo] {
			return fmt.Errorf("/hosts: two members have the offical_no %d", h.OfficalNo)
		}
		members[h.OfficalNo] = true
		for _, one := range h.Containers {
			if containers[one.ContainerNo] {
				return fmt.Errorf("/hosts/%d/containers: container_no %d is another host app's", h.OfficalNo, one.ContainerNo)
			}
			containers[one.ContainerNo] = true
		}
	}
	return nil
}
