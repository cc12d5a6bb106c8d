// An ESXi host or a vCenter to test against: the simulator of govmomi behind a listener of our own, which takes away the
// differences to a real host that the tests would stumble over, and says what the simulator cannot.
//
// It prints one line of JSON when it answers, and ends when its standard input ends.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/ioutil"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

var (
	vcenter  = flag.Bool("vcenter", false, "be a vCenter with two hosts instead of a standalone host")
	listen   = flag.String("listen", "127.0.0.1:0", "address and port")
	cert     = flag.String("cert", "", "certificate, PEM")
	key      = flag.String("key", "", "its key, PEM")
	username = flag.String("username", "root", "who may log in")
	free     = flag.Bool("free-licence", false, "have the licence that makes the API read-only")
	space    = flag.Int64("free-gib", 500, "free space of each datastore, GiB")
	guests   = flag.String("guests", "", "what answers as ssh while a machine is on: NAME=ADDRESS:PORT,…")
)

// Methods that a host with the free licence refuses. AddPortGroup and the like are refused too.
var writes = regexp.MustCompile(`<(?:\w+:)?(CreateVM_Task|ReconfigVM_Task|PowerO\w+_Task|Destroy_Task|AddPortGroup|UpdatePortGroup|MakeDirectory)[ >]`)

const restricted = `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<soapenv:Body><soapenv:Fault><faultcode>ServerFaultCode</faultcode>
<faultstring>Current license or ESXi version prohibits execution of the requested operation.</faultstring>
<detail><RestrictedVersionFault xmlns="urn:vim25" xsi:type="RestrictedVersion"/></detail>
</soapenv:Fault></soapenv:Body></soapenv:Envelope>`

// A port group that is to be added, and to which host's network.
var addGroup = regexp.MustCompile(`(?s)<AddPortGroup[ >].*?<_this[^>]*>([^<]*)</_this><portgrp[^>]*>(.*?)</portgrp>`)

const added = `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">
<soapenv:Body><AddPortGroupResponse xmlns="urn:vim25"/></soapenv:Body></soapenv:Envelope>`

// What the service is made of.
var content types.ServiceContent

type server struct {
	inner    http.Handler
	password string

	sync.Mutex
	doors  map[string]net.Listener
	client *govmomi.Client
}

// ServeHTTP answers one request after the other: half of a change must not be seen, and the simulator's own locks do not see to it.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Lock()
	defer s.Unlock()
	switch {
	case strings.HasPrefix(r.URL.Path, "/folder/"):
		user, password, ok := r.BasicAuth()
		if !ok || user != *username || password != s.password {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
	case strings.HasPrefix(r.URL.Path, "/rest/"):
		s.rest(w, r)
		s.settle()
		return
	}
	body, _ := ioutil.ReadAll(r.Body)
	if *free && writes.Match(body) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, restricted)
		return
	}
	if *vcenter && sameGroup(body) {
		_, _ = io.WriteString(w, added)
		s.settle()
		return
	}
	r.Body = ioutil.NopCloser(bytes.NewReader(body))
	s.inner.ServeHTTP(w, r)
	s.settle()
}

// settle makes what the simulator got wrong in a request what a real host would have made of it.
func (s *server) settle() {
	open := map[string]bool{}
	for _, entity := range simulator.Map.All("VirtualMachine") {
		vm := entity.(*simulator.VirtualMachine)
		simulator.Map.WithLock(vm, func() { vm.Config.ExtraConfig = unique(vm.Config.ExtraConfig) })
		open[vm.Name] = vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn
	}
	for _, guest := range strings.Split(*guests, ",") {
		name, address, found := strings.Cut(guest, "=")
		if found {
			s.door(name, address, open[name])
		}
	}
	// The simulator says of a task of the disk manager that it is about that manager, which is no entity of the inventory.
	manager := simulator.Map.Get(*content.TaskManager).(*simulator.TaskManager)
	for _, reference := range manager.RecentTask {
		if task, ok := simulator.Map.Get(reference).(*simulator.Task); ok && task.Info.Entity != nil && task.Info.Entity.Type == "VirtualDiskManager" {
			task.Info.Entity = nil
		}
	}
	// A port group that was added is in the folder of networks only; a real host has it too.
	for _, entity := range simulator.Map.All("HostSystem") {
		host := entity.(*simulator.HostSystem)
		has := map[string]bool{}
		for _, group := range networkSystem(host).NetworkInfo.Portgroup {
			has[group.Spec.Name] = true
		}
		for _, network := range simulator.Map.All("Network") {
			if has[network.Entity().Name] {
				simulator.Map.AddReference(host, &host.Network, network.Reference())
			}
		}
	}
}

func networkSystem(host *simulator.HostSystem) *simulator.HostNetworkSystem {
	return simulator.Map.Get(*host.ConfigManager.NetworkSystem).(*simulator.HostNetworkSystem)
}

// sameGroup adds a port group to a second host of a vCenter, where the simulator finds the name taken by the first one's.
func sameGroup(body []byte) bool {
	found := addGroup.FindSubmatch(body)
	if found == nil {
		return false
	}
	field := func(name string) string {
		value := regexp.MustCompile(`<` + name + `>([^<]*)</` + name + `>`).FindSubmatch(found[2])
		if value == nil {
			return ""
		}
		return string(value[1])
	}
	for _, network := range simulator.Map.All("Network") {
		if network.Entity().Name == field("name") {
			reference := types.ManagedObjectReference{Type: "HostNetworkSystem", Value: string(found[1])}
			info := simulator.Map.Get(reference).(*simulator.HostNetworkSystem).NetworkInfo
			vlan, _ := strconv.Atoi(field("vlanId"))
			info.Portgroup = append(info.Portgroup, types.HostPortGroup{
				Key:  "key-vim.host.PortGroup-" + field("name"),
				Spec: types.HostPortGroupSpec{Name: field("name"), VswitchName: field("vswitchName"), VlanId: int32(vlan)},
			})
			return true
		}
	}
	return false
}

// unique keeps the last value of each key, where the simulator appends; an empty value takes the key away.
func unique(values []types.BaseOptionValue) []types.BaseOptionValue {
	last := map[string]types.BaseOptionValue{}
	var order []string
	for _, value := range values {
		name := value.GetOptionValue().Key
		if _, known := last[name]; !known {
			order = append(order, name)
		}
		last[name] = value
	}
	var kept []types.BaseOptionValue
	for _, name := range order {
		if last[name].GetOptionValue().Value != "" {
			kept = append(kept, last[name])
		}
	}
	return kept
}

// door answers as the ssh server of a machine that is on.
func (s *server) door(name, address string, open bool) {
	current := s.doors[name]
	if open == (current != nil) {
		return
	}
	if !open {
		_ = current.Close()
		delete(s.doors, name)
		return
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	s.doors[name] = listener
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(connection, "SSH-2.0-OpenSSH_9.2p1 simulated\r\n")
			_ = connection.Close()
		}
	}()
}

// rest is the part of vCenter's REST API that fence_vmware_rest uses (vSphere Automation API, com.vmware.vcenter.vm.power).
func (s *server) rest(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/rest/com/vmware/cis/session" {
		user, password, _ := r.BasicAuth()
		if r.Method == http.MethodPost && (user != *username || password != s.password) {
			w.WriteHeader(http.StatusUnauthorized)
			answer(w, map[string]interface{}{"messages": []map[string]string{{"default_message": "Authentication required."}}})
			return
		}
		answer(w, "session")
		return
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/rest/vcenter/vm"), "/")
	if len(parts) == 4 && parts[2] == "power" && r.Method == http.MethodPost {
		machine := object.NewVirtualMachine(s.client.Client, types.ManagedObjectReference{Type: "VirtualMachine", Value: parts[1]})
		var task *object.Task
		var err error
		if parts[3] == "start" {
			task, err = machine.PowerOn(context.Background())
		} else {
			task, err = machine.PowerOff(context.Background())
		}
		if err == nil {
			err = task.Wait(context.Background())
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
		return
	}
	states := map[types.VirtualMachinePowerState]string{"poweredOn": "POWERED_ON", "poweredOff": "POWERED_OFF", "suspended": "SUSPENDED"}
	machines := []map[string]string{}
	names := r.URL.Query()["filter.names"]
	for _, entity := range simulator.Map.All("VirtualMachine") {
		vm := entity.(*simulator.VirtualMachine)
		if len(names) == 0 || strings.Contains(","+strings.Join(names, ",")+",", ","+vm.Name+",") {
			machines = append(machines, map[string]string{"vm": vm.Self.Value, "name": vm.Name, "power_state": states[vm.Runtime.PowerState]})
		}
	}
	answer(w, machines)
}

func answer(w http.ResponseWriter, value interface{}) {
	_ = json.NewEncoder(w).Encode(map[string]interface{}{"value": value})
}

func main() {
	flag.Parse()
	log.SetFlags(0)
	password := os.Getenv("SIMULATOR_PASSWORD")
	model := simulator.ESX()
	if *vcenter {
		model = simulator.VPX()
		model.Cluster, model.Host = 0, 2
	}
	model.Machine = 1
	// The list of the simulator ends before these.
	simulator.GuestID = append(simulator.GuestID, "rhel8_64Guest", "rhel9_64Guest", "debian11_64Guest", "debian12_64Guest")
	if err := model.Create(); err != nil {
		log.Fatal(err)
	}
	defer model.Remove()
	content = model.ServiceContent

	for _, entity := range simulator.Map.All("Datastore") {
		datastore := entity.(*simulator.Datastore)
		datastore.Summary.FreeSpace = *space << 30
		datastore.Summary.Capacity = 1000 << 30
		datastore.Info.GetDatastoreInfo().FreeSpace = datastore.Summary.FreeSpace
	}
	if *free {
		manager := simulator.Map.Get(*model.ServiceContent.LicenseManager)
		licences := &manager.(*simulator.LicenseManager).Licenses
		*licences = []types.LicenseManagerLicenseInfo{{LicenseKey: "00000-00000-00000-00000-00000", EditionKey: "esxBasic", Name: "VMware vSphere 7 Hypervisor"}}
	}

	pair, err := tls.LoadX509KeyPair(*cert, *key)
	if err != nil {
		log.Fatal(err)
	}
	model.Service.Listen = &url.URL{Host: "127.0.0.1:0", User: url.UserPassword(*username, password)}
	model.Service.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	behind := model.Service.NewServer()
	defer behind.Close()

	front := &server{inner: model.Service.ServeMux, password: password, doors: map[string]net.Listener{}}
	front.client, err = govmomi.NewClient(context.Background(), behind.URL, true)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := tls.Listen("tcp", *listen, &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		log.Fatal(err)
	}
	front.settle()
	go func() { log.Fatal(http.Serve(listener, front)) }()
	ready, _ := json.Marshal(map[string]interface{}{"port": listener.Addr().(*net.TCPAddr).Port})
	fmt.Println(string(ready))
	_, _ = io.Copy(ioutil.Discard, os.Stdin)
}
