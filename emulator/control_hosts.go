package emulator

// Members of the alliance over the control API (seed 000 has a page for it).

type hostsOut struct {
	Hosts []Host `json:"hosts"`
}

type createHostIn struct {
	AK          string `json:"ak"`
	SK          string `json:"sk"`
	OfficalNo   int64  `json:"offical_no"`
	ContainerNo int64  `json:"container_no"`
	Name        string `json:"name"`
	URL         string `json:"url"`
	HSK         string `json:"hsk"`
}

func listHosts(c *Call, _ None) (hostsOut, error) {
	out := hostsOut{Hosts: []Host{}}
	for _, h := range c.State.hosts() {
		out.Hosts = append(out.Hosts, *h)
	}
	return out, nil
}

// createHost makes a member of the alliance; what is left out is generated.
func createHost(c *Call, in createHostIn) (Host, error) {
	h := Host(in)
	if h.AK != "" && c.State.hasClient(h.AK) {
		return Host{}, conflict("/ak", "ak is in use in this sandbox already")
	}
	for _, other := range c.State.Hosts {
		if h.OfficalNo != 0 && other.OfficalNo == h.OfficalNo {
			return Host{}, conflict("/offical_no", "the sandbox has a member with that offical_no already")
		}
		if h.Name != "" && other.Name == h.Name {
			return Host{}, conflict("/name", "the sandbox has a member with that name already")
		}
	}
	if err := checkHTTP("url", h.URL); err != nil {
		return Host{}, err
	}
	if err := c.addHost(&h); err != nil {
		return Host{}, err
	}
	return h, nil
}
