// Command validate reads encoded resources as Go's own generated types take them, and says what is wrong with each: a type that
// is not known, a field that is not known (it would be dropped), a rule of protoc-gen-validate that is broken, at any depth, or a
// content that is not the same after it has been written and read again.
//
// Standard input: google.protobuf.Any messages, each after its length (4 bytes, big endian). Standard output: one line of JSON for
// each, in order.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

type verdict struct {
	TypeURL string   `json:"typeUrl"`
	Faults  []string `json:"faults"`
	// Types seen at any depth, in Any messages.
	Types []string `json:"types"`
}

func main() {
	in := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	for {
		resource, err := readAny(in)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := encoder.Encode(examine(resource)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func readAny(in io.Reader) (*anypb.Any, error) {
	var length uint32
	if err := binary.Read(in, binary.BigEndian, &length); err != nil {
		return nil, err
	}
	content := make([]byte, length)
	if _, err := io.ReadFull(in, content); err != nil {
		return nil, fmt.Errorf("the input ends within a resource: %w", err)
	}
	resource := &anypb.Any{}
	return resource, proto.Unmarshal(content, resource)
}

func examine(resource *anypb.Any) *verdict {
	found := &verdict{TypeURL: resource.GetTypeUrl(), Faults: []string{}, Types: []string{}}
	found.any(resource, "")
	return found
}

func (found *verdict) fault(at, text string) {
	found.Faults = append(found.Faults, at+": "+text)
}

// any looks at what an Any holds.
func (found *verdict) any(holder *anypb.Any, at string) {
	message, err := holder.UnmarshalNew()
	if err != nil {
		found.fault(at, err.Error())
		return
	}
	at += "(" + string(message.ProtoReflect().Descriptor().Name()) + ")"
	found.Types = append(found.Types, string(message.ProtoReflect().Descriptor().FullName()))
	if validated, ok := message.(interface{ ValidateAll() error }); ok {
		if err := validated.ValidateAll(); err != nil {
			found.fault(at, err.Error())
		}
	}
	found.roundTrip(message, at)
	found.walk(message.ProtoReflect(), at)
}

// roundTrip writes a message as Go does, deterministically, and reads it again.
func (found *verdict) roundTrip(message proto.Message, at string) {
	written, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		found.fault(at, err.Error())
		return
	}
	again := message.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(written, again); err != nil {
		found.fault(at, err.Error())
	} else if !proto.Equal(message, again) {
		found.fault(at, "is another after it has been written and read again")
	}
}

// walk looks for fields that are not known, and at every Any.
func (found *verdict) walk(message protoreflect.Message, at string) {
	if len(message.GetUnknown()) > 0 {
		found.fault(at, "has fields that are not known")
	}
	if holder, ok := message.Interface().(*anypb.Any); ok {
		found.any(holder, at)
		return
	}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		below := at + "." + string(field.Name())
		switch {
		case field.IsMap():
			if field.MapValue().Message() == nil {
				return true
			}
			value.Map().Range(func(key protoreflect.MapKey, entry protoreflect.Value) bool {
				found.walk(entry.Message(), below+"["+key.String()+"]")
				return true
			})
		case field.Message() == nil:
		case field.IsList():
			for index := 0; index < value.List().Len(); index++ {
				found.walk(value.List().Get(index).Message(), fmt.Sprintf("%s[%d]", below, index))
			}
		default:
			found.walk(value.Message(), below)
		}
		return true
	})
}
