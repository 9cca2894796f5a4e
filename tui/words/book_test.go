package words

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"klab/cluster"
)

var placeholder = regexp.MustCompile(`%[dsx]`)

func TestEveryPhraseIsThereInBothLanguages(t *testing.T) {
	for id := range count {
		en, zh := english[id], chinese[id]
		if en == "" || zh == "" {
			t.Errorf("phrase %d is missing: en %q, zh %q", id, en, zh)
		}
		if a, b := placeholder.FindAllString(en, -1), placeholder.FindAllString(zh, -1); !slices.Equal(a, b) {
			t.Errorf("placeholders differ: %q has %v, %q has %v", en, a, zh, b)
		}
	}
}

func TestPhrasesAreOneLineOfPlainCharacters(t *testing.T) {
	for id := range count {
		for _, s := range []string{english[id], chinese[id]} {
			if strings.TrimSpace(s) != s || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q has blanks at an end, or unprintable characters", s)
			}
		}
	}
}

func TestKeyWordsAreShort(t *testing.T) {
	for _, lang := range []cluster.Lang{cluster.English, cluster.Chinese} {
		book := Open(lang)
		for id := KeyStart; id <= KeyNo; id++ {
			if w := book.Text(id).Width(); w > 16 {
				t.Errorf("%q is %d cells wide: too long for the hint line", book.Text(id), w)
			}
		}
	}
}

func TestFormatCleansItsArguments(t *testing.T) {
	if got := Open(cluster.English).Format(DeletedTopic, "a\x1b]0;x").String(); got != "Topic a␛]0;x is deleted." {
		t.Errorf("Format = %q", got)
	}
}

func TestUnknownLanguageIsEnglish(t *testing.T) {
	if b := Open("fr"); b.Lang != cluster.English || b.Text(KeyHelp).String() != "help" {
		t.Errorf("Open(fr) = %v %q", b.Lang, b.Text(KeyHelp))
	}
}
