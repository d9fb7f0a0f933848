// The Go peer: net/http with HTTP/2, in clear text by x/net's h2c and over TLS.
// /answer sends a file; /v1/scans opens a code and looks the status up, as CityCode does.
package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

const epochStart = 1577836800

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)
var colours = [...]string{"none", "green", "yellow", "red"}
var kinds = [...]string{"unspecified", "resident", "visitor", "dependant", "organisation",
	"unspecified", "unspecified", "unspecified"}

type texts struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

type scanAnswer struct {
	Outcome    string `json:"outcome"`
	Number     int    `json:"number"`
	Text       texts  `json:"text"`
	Voice      string `json:"voice"`
	Receipt    string `json:"receipt"`
	Scene      string `json:"scene"`
	Region     string `json:"region"`
	Colour     string `json:"colour,omitempty"`
	Kind       string `json:"kind,omitempty"`
	Reason     *int   `json:"reason,omitempty"`
	ValidUntil string `json:"valid_until,omitempty"`
	AsOf       string `json:"as_of"`
	AgeMS      int64  `json:"age_ms"`
	Level      string `json:"level"`
}

type service struct {
	keys     map[uint16]cipher.AEAD
	statuses []uint64
	asOf     time.Time
	process  [4]byte
	counter  uint64
}

func (s *service) answer(outcome string, number int, region string, now time.Time) *scanAnswer {
	var receipt [16]byte
	milliseconds := uint64(now.UnixMilli() - epochStart*1000)
	binary.BigEndian.PutUint64(receipt[0:], milliseconds<<16)
	copy(receipt[6:], s.process[:])
	count := atomic.AddUint64(&s.counter, 1)
	binary.BigEndian.PutUint16(receipt[10:], uint16(count>>32))
	binary.BigEndian.PutUint32(receipt[12:], uint32(count))
	text := texts{"通过", "Accepted"}
	if number != 0 {
		text = texts{"未通过", "Refused: " + outcome}
	}
	return &scanAnswer{
		Outcome: outcome, Number: number, Text: text, Voice: "scan." + outcome,
		Receipt: encoding.EncodeToString(receipt[:]), Scene: "health_gate", Region: region,
		AsOf:  s.asOf.Format("2006-01-02T15:04:05.000Z"),
		AgeMS: now.Sub(s.asOf).Milliseconds(), Level: "D0"}
}

func (s *service) scan(text string) *scanAnswer {
	now := time.Now().UTC()
	text = strings.TrimSpace(text)
	text = strings.ToUpper(text[strings.LastIndexByte(text, '/')+1:])
	code, err := encoding.DecodeString(text)
	if err != nil || len(code) != 50 || code[0] != 1 {
		return s.answer("malformed", 12, "", now)
	}
	region := strconv.Itoa(int(code[1])<<16 | int(code[2])<<8 | int(code[3]))
	aead, known := s.keys[binary.BigEndian.Uint16(code[4:])]
	if !known {
		return s.answer("unknown_key", 11, region, now)
	}
	var buffer [16]byte
	claims, err := aead.Open(buffer[:0], code[6:18], code[18:], code[:18])
	if err != nil {
		return s.answer("forged", 13, region, now)
	}
	serial := uint64(claims[0])<<32 | uint64(binary.BigEndian.Uint32(claims[1:]))
	from := int64(binary.BigEndian.Uint32(claims[5:]))
	until := from + int64(claims[9])*15
	revision := uint64(binary.BigEndian.Uint16(claims[14:]))
	second := now.Unix() - epochStart
	if second-from < -60 {
		return s.answer("not_yet_valid", 4, region, now)
	}
	if second-until >= 60 {
		return s.answer("code_expired", 3, region, now)
	}
	if serial >= uint64(len(s.statuses)) || s.statuses[serial] == 0 {
		return s.answer("unknown_holder", 10, region, now)
	}
	status := s.statuses[serial]
	statusEnd := int64(status>>16&0xFFFFFF) * 60
	outcome, number := "accepted", 0
	switch {
	case status>>40&0xFFFF != revision:
		outcome, number = "killed", 6
	case status>>5&3 != 0:
		outcome, number = "suspended", 7
	case second >= statusEnd:
		outcome, number = "status_expired", 2
	case status&3 != 1:
		outcome, number = "colour", 1
	}
	answer := s.answer(outcome, number, region, now)
	answer.Colour = colours[status&3]
	answer.Kind = kinds[status>>2&7]
	reason := int(status >> 8 & 0xFF)
	answer.Reason = &reason
	answer.ValidUntil = time.Unix(statusEnd+epochStart, 0).UTC().Format(time.RFC3339)
	return answer
}

func readKeys(path string) map[uint16]cipher.AEAD {
	text, err := os.ReadFile(path)
	check(err)
	var named map[string]string
	check(json.Unmarshal(text, &named))
	keys := map[uint16]cipher.AEAD{}
	for name, digits := range named {
		epoch, err := strconv.ParseUint(name, 10, 32)
		check(err)
		key, err := hex.DecodeString(digits)
		check(err)
		block, err := aes.NewCipher(key)
		check(err)
		aead, err := cipher.NewGCM(block)
		check(err)
		keys[uint16(epoch)] = aead
	}
	return keys
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	port := flag.Int("port", 0, "port of clear-text HTTP/2")
	tlsPort := flag.Int("tls-port", 0, "port of HTTP/2 over TLS")
	people := flag.Int("people", 0, "serials 1 and on, all green")
	keys := flag.String("keys", "", "JSON object of epochs and keys")
	answerFile := flag.String("answer", "", "what /answer sends")
	certificate := flag.String("certificate", "", "PEM file")
	key := flag.String("key", "", "PEM file")
	flag.Parse()

	static, err := os.ReadFile(*answerFile)
	check(err)
	s := &service{keys: readKeys(*keys), asOf: time.Now().UTC()}
	_, err = rand.Read(s.process[:])
	check(err)
	s.statuses = make([]uint64, *people+1)
	green := uint64(1|1<<2) | uint64((s.asOf.Unix()-epochStart)/60+30*1440)<<16
	for serial := 1; serial <= *people; serial++ {
		s.statuses[serial] = green
	}

	mux := http.NewServeMux()
	mux.HandleFunc("/answer", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("content-type", "application/json")
		_, _ = w.Write(static)
	})
	mux.HandleFunc("/v1/scans", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 512))
		if err != nil {
			http.Error(w, "too long", http.StatusRequestEntityTooLarge)
			return
		}
		json, err := json.Marshal(s.scan(string(body)))
		if err != nil {
			http.Error(w, "no answer", http.StatusInternalServerError)
			return
		}
		w.Header().Set("content-type", "application/json")
		_, _ = w.Write(json)
	})
	settings := &http2.Server{MaxConcurrentStreams: 256}
	secure := &http.Server{Addr: "127.0.0.1:" + strconv.Itoa(*tlsPort), Handler: mux}
	check(http2.ConfigureServer(secure, settings))
	go func() { check(secure.ListenAndServeTLS(*certificate, *key)) }()
	plain := &http.Server{
		Addr: "127.0.0.1:" + strconv.Itoa(*port), Handler: h2c.NewHandler(mux, settings)}
	check(plain.ListenAndServe())
}
