package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// Service takes versions of one mini program from the upload to its users.
type Service struct {
	// Platform is where the platform answers, and Client what asks it.
	Platform string
	Client   *http.Client
	// AccessToken is the TP's on behalf of the mini program.
	AccessToken string
	// TPID, AESKey and Token are the TP's own: who pushes are for, what they
	// are sealed with, and what they are signed with.
	TPID          int64
	AESKey, Token string
	// Report is told what has been done, in a few words.
	Report func(text string)
}

// The states of a package that matter here.
const (
	online      = 1
	development = 3
	inReview    = 4
	approved    = 6
)

type pkg struct {
	ID      int64  `json:"package_id"`
	Version string `json:"version"`
	Status  int    `json:"status"`
}

// Upload has the platform build a version from the template. It is accepted
// when Upload returns; a notice tells when it is there.
func (s *Service) Upload(ctx context.Context, version string) error {
	err := s.call(ctx, http.MethodPost, "upload", nil,
		"template_id", "754", "user_version", version, "user_desc", version, "ext_json", `{"extEnable":true}`)
	if err == nil {
		s.Report("uploading " + version)
	}
	return err
}

// packageChanged submits to the audit what is there, whichever package has
// changed: a version that had to wait for another's audit and release has its
// turn then, and does not take the other's place. It may be called again for
// the same change.
func (s *Service) packageChanged(ctx context.Context, id int64) error {
	packages, err := s.packages(ctx)
	if err != nil {
		return err
	}
	busy := slices.ContainsFunc(packages, func(p pkg) bool { return p.Status == inReview || p.Status == approved })
	for _, p := range packages {
		switch {
		case p.Status == online && p.ID == id:
			s.Report("online " + p.Version)
		case p.Status == development && busy:
			s.Report("waiting " + p.Version)
		case p.Status == development:
			err := s.call(ctx, http.MethodPost, "submitaudit", nil, "package_id", strconv.FormatInt(p.ID, 10), "content", p.Version, "remark", "")
			if err != nil {
				return err
			}
			s.Report("submitted " + p.Version)
		}
	}
	return nil
}

// releaseApproved releases what has passed the audit. There is nothing left to
// do when it is called again.
func (s *Service) releaseApproved(ctx context.Context) error {
	packages, err := s.packages(ctx)
	if err != nil {
		return err
	}
	for _, p := range packages {
		if p.Status != approved {
			continue
		}
		if err := s.call(ctx, http.MethodPost, "release", nil, "package_id", strconv.FormatInt(p.ID, 10)); err != nil {
			return err
		}
		s.Report("released " + p.Version)
	}
	return nil
}

func (s *Service) packages(ctx context.Context) (out []pkg, err error) {
	err = s.call(ctx, http.MethodGet, "get", &out)
	return out, err
}

// call makes one call about packages; kv are the names and values of its
// parameters. Answers have HTTP
// status 200 whatever they say: errno is what counts, and error_code where the
// gateway refuses.
func (s *Service) call(ctx context.Context, method, name string, data any, kv ...string) error {
	params := url.Values{"access_token": {s.AccessToken}}
	for i := 1; i < len(kv); i += 2 {
		params.Set(kv[i-1], kv[i])
	}
	request, err := http.NewRequestWithContext(ctx, method, s.Platform+"/rest/2.0/smartapp/package/"+name+"?"+params.Encode(), http.NoBody)
	if err != nil {
		return err
	}
	response, err := s.Client.Do(request)
	if failed := (*url.Error)(nil); errors.As(err, &failed) {
		return fmt.Errorf("%s: %w", name, failed.Err) // not the address: the token is in it
	}
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // the answer is read; nothing is lost with the connection
	var answer struct {
		Errno     int             `json:"errno"`
		Msg       string          `json:"msg"`
		ErrorCode int             `json:"error_code"`
		ErrorMsg  string          `json:"error_msg"`
		Data      json.RawMessage `json:"data"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s: HTTP status %d: %w", name, response.StatusCode, err)
	}
	if answer.Errno != 0 || answer.ErrorCode != 0 {
		return fmt.Errorf("%s: %d %s", name, answer.Errno+answer.ErrorCode, answer.Msg+answer.ErrorMsg)
	}
	if data == nil {
		return nil
	}
	return json.Unmarshal(answer.Data, data)
}
