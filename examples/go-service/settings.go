package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// service makes the Service that the environment describes. Where CONTROL names
// a sandbox of an emulator, such as http://emu:8080/_emu/sandboxes/default, the
// TP's secrets come from there instead: it has made them up.
func service(ctx context.Context) (*Service, error) {
	s := &Service{
		Platform:    cmp.Or(os.Getenv("PLATFORM"), "https://openapi.baidu.com"),
		Client:      &http.Client{Timeout: 10 * time.Second},
		AccessToken: os.Getenv("ACCESS_TOKEN"),
		AESKey:      os.Getenv("AES_KEY"),
		Token:       os.Getenv("TOKEN"),
		Report:      func(text string) { fmt.Println(text) },
	}
	if control := os.Getenv("CONTROL"); control != "" {
		err := s.introduce(ctx, control+"/credentials", os.Getenv("CONTROL_TOKEN"))
		return s, err
	}
	var err error
	if s.TPID, err = strconv.ParseInt(os.Getenv("TP_ID"), 10, 64); err != nil {
		return nil, fmt.Errorf("TP_ID: want the number of the third-party platform: %w", err)
	}
	return s, nil
}

// introduce asks an emulator who the service is.
func (s *Service) introduce(ctx context.Context, address, token string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, http.NoBody) //nolint:gosec // who starts the service says where
	if err != nil {
		return fmt.Errorf("CONTROL: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := s.Client.Do(request) //nolint:gosec // as above
	if err != nil {
		return fmt.Errorf("CONTROL: %w", err)
	}
	defer answer.Body.Close() //nolint:errcheck // the answer is read; nothing is lost with the connection
	var who struct {
		Authorizer struct {
			AccessToken string `json:"access_token"`
		} `json:"authorizer"`
		TP struct {
			ID     int64  `json:"tp_id"`
			AESKey string `json:"encoding_aes_key"`
			Token  string `json:"token"`
		} `json:"tp"`
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("CONTROL: %s from %s", answer.Status, address)
	}
	if err := json.NewDecoder(answer.Body).Decode(&who); err != nil {
		return fmt.Errorf("CONTROL: %w", err)
	}
	s.AccessToken, s.TPID, s.AESKey, s.Token = who.Authorizer.AccessToken, who.TP.ID, who.TP.AESKey, who.TP.Token
	return nil
}

// brokers are those of Kafka, as host:port.
func brokers() []string { return strings.Split(os.Getenv("BROKERS"), ",") }

// address is where the service listens.
func address() string { return cmp.Or(os.Getenv("LISTEN"), ":8090") }

// health fails unless a service with the same settings answers.
func health(ctx context.Context) error {
	_, port, err := net.SplitHostPort(address())
	if err != nil {
		return fmt.Errorf("LISTEN: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+port+"/health", http.NoBody)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		err = errors.New(answer.Status)
	}
	return errors.Join(err, answer.Body.Close())
}
