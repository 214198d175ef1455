// Looks each name up so many times by Go's own resolver, A and AAAA at once. A line for each lookup: the
// name, microseconds, and the addresses or what went wrong.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

func main() {
	times, _ := strconv.Atoi(os.Args[1])
	resolver := net.Resolver{PreferGo: true}
	for _, name := range os.Args[2:] {
		for i := 0; i < times; i++ {
			began := time.Now()
			addresses, err := resolver.LookupIPAddr(context.Background(), name)
			fmt.Print(name, " ", time.Since(began).Microseconds())
			if err != nil {
				fmt.Print(" ", err)
			}
			for _, address := range addresses {
				fmt.Print(" ", address.String())
			}
			fmt.Println()
		}
	}
}
