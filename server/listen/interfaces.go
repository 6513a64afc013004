package listen

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"leasehold/server/wire"
)

// readLinks returns the interfaces of the system by index, with the addresses
// that can be used now. An interface that is as it was in known keeps its value.
func readLinks(known map[int]*wire.Interface) ([]link, error) {
	nls, err := netlink.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list links: %w", err)
	}
	addrs, err := netlink.AddrList(nil, unix.AF_UNSPEC)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	var links []link
	byIndex := map[int]*wire.Interface{}
	for _, nl := range nls {
		a := nl.Attrs()
		i := &wire.Interface{Name: a.Name, Index: a.Index, MAC: a.HardwareAddr}
		byIndex[i.Index] = i
		links = append(links, link{
			Interface: i,
			up:        a.Flags&net.FlagUp != 0,
			loopback:  a.Flags&net.FlagLoopback != 0,
			multicast: a.Flags&net.FlagMulticast != 0,
		})
	}
	for _, a := range addrs {
		i := byIndex[a.LinkIndex]
		ip, ok := netip.AddrFromSlice(a.IP)
		if i == nil || !ok || a.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) != 0 {
			continue // an address that is being probed cannot be bound yet
		}
		ip = ip.Unmap()
		ones, _ := a.Mask.Size()
		if prefix := netip.PrefixFrom(ip, ones); ip.Is4() {
			i.V4 = append(i.V4, prefix)
		} else {
			i.V6 = append(i.V6, prefix)
		}
	}
	slices.SortFunc(links, func(a, b link) int { return cmp.Compare(a.Index, b.Index) })
	for n := range links {
		if k := known[links[n].Index]; k != nil && sameInterface(k, links[n].Interface) {
			links[n].Interface = k
		}
	}
	return links, nil
}

func sameInterface(a, b *wire.Interface) bool {
	return a.Name == b.Name && bytes.Equal(a.MAC, b.MAC) && slices.Equal(a.V4, b.V4) && slices.Equal(a.V6, b.V6)
}

// watch pokes changed when links or addresses of the system have changed. What
// changed is read anew, so a lost notification costs nothing.
type watch struct {
	file    *os.File
	changed chan struct{}
	done    chan struct{}
}

func watchInterfaces() (*watch, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("watch interfaces: %w", err)
	}
	sa := &unix.SockaddrNetlink{
		Family: unix.AF_NETLINK,
		Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR,
	}
	if err := unix.Bind(fd, sa); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("watch interfaces: %w", err)
	}
	w := &watch{file: os.NewFile(uintptr(fd), "netlink"), changed: make(chan struct{}, 1), done: make(chan struct{})}
	go w.read()
	return w, nil
}

func (w *watch) read() {
	defer close(w.done)
	buf := make([]byte, os.Getpagesize())
	for {
		_, err := w.file.Read(buf)
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return
		}
		select {
		case w.changed <- struct{}{}:
		default:
		}
	}
}

func (w *watch) close() {
	w.file.Close()
	<-w.done
}
