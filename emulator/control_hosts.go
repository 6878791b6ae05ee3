package emulator

import (
	"fmt"
	"slices"
	"strconv"
)

// Members of the alliance over the control API; the page behind which it
// stands is control_alliance.go.

type hostsOut struct {
	Hosts []Host `json:"hosts"`
}

func listHosts(c *Call, _ None) (hostsOut, error) {
	out := hostsOut{Hosts: []Host{}}
	for _, h := range c.State.hosts() {
		out.Hosts = append(out.Hosts, *h)
	}
	return out, nil
}

type officalNoIn struct {
	OfficalNo int64 `json:"offical_no"`
}

func getHost(c *Call, in officalNoIn) (Host, error) {
	h, err := c.aHost(in.OfficalNo)
	if err != nil {
		return Host{}, err
	}
	return *h, nil
}

// hostChange is what may be said of a member; nil says nothing.
type hostChange struct {
	Name   *string  `json:"name"`
	URL    *string  `json:"url"`
	HSK    *string  `json:"hsk"`
	AppIDs *[]int64 `json:"app_ids"`
}

// apply sets what is said, if the apps are there and the address is one.
func (in *hostChange) apply(c *Call, h *Host) error {
	if in.URL != nil {
		if err := checkHTTP("url", *in.URL); err != nil {
			return err
		}
	}
	if other := c.State.hostNamed(in.Name); other != nil && other.AK != h.AK {
		return conflict("/name", "the sandbox has a member with that name already")
	}
	if in.AppIDs != nil {
		ids := []int64{}
		for i, id := range *in.AppIDs {
			if _, err := c.anApp(id, fmt.Sprintf("/app_ids/%d", i)); err != nil {
				return err
			}
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		h.AppIDs = ids
	}
	set(&h.Name, in.Name)
	set(&h.URL, in.URL)
	set(&h.HSK, in.HSK)
	return nil
}

type createHostIn struct {
	hostChange
	AK         string      `json:"ak"`
	SK         string      `json:"sk"`
	OfficalNo  int64       `json:"offical_no"`
	Containers []Container `json:"containers"`
}

// createHost registers a member of the alliance with its host apps; what is
// left out is generated.
func createHost(c *Call, in createHostIn) (Host, error) {
	h := Host{AK: in.AK, SK: in.SK, OfficalNo: in.OfficalNo, Containers: slices.Clone(in.Containers)}
	if h.AK != "" && c.State.hasClient(h.AK) {
		return Host{}, conflict("/ak", "ak is in use in this sandbox already")
	}
	if h.OfficalNo != 0 && c.State.host(h.OfficalNo) != nil {
		return Host{}, conflict("/offical_no", "the sandbox has a member with that offical_no already")
	}
	for i, one := range h.Containers {
		if err := c.freeContainer(one.ContainerNo, h.Containers[:i], fmt.Sprintf("/containers/%d/container_no", i)); err != nil {
			return Host{}, err
		}
	}
	if err := in.apply(c, &h); err != nil {
		return Host{}, err
	}
	if err := c.addHost(&h); err != nil {
		return Host{}, err
	}
	return h, nil
}

// freeContainer refuses the number of a host app that another one has.
func (c *Call) freeContainer(no int64, before []Container, pointer string) error {
	if no != 0 && (c.State.container(no) != nil || hasContainer(before, no)) {
		return conflict(pointer, "there is a host app with the container_no "+strconv.FormatInt(no, 10)+" already")
	}
	return nil
}

type updateHostIn struct {
	officalNoIn
	hostChange
}

// updateHost changes a member of the alliance.
func updateHost(c *Call, in updateHostIn) (Host, error) {
	h, err := c.aHost(in.OfficalNo)
	if err != nil {
		return Host{}, err
	}
	if err := in.apply(c, h); err != nil {
		return Host{}, err
	}
	return *h, nil
}

type addContainerIn struct {
	officalNoIn
	Container
}

// addContainer registers one more host app of a member.
func addContainer(c *Call, in addContainerIn) (Container, error) {
	h, err := c.aHost(in.OfficalNo)
	if err != nil {
		return Container{}, err
	}
	if err := c.freeContainer(in.ContainerNo, nil, "/container_no"); err != nil {
		return Container{}, err
	}
	h.Containers = append(h.Containers, in.Container)
	c.fillContainer(h, len(h.Containers)-1, 0, c.draw("host"))
	return h.Containers[len(h.Containers)-1], nil
}
