// Pays three times, pays them once more, asks what the store makes of it: example HOST:PORT [HOST:PORT …]
//
// The server serves definitions/fraud. Every line that this prints holds for any run on a fresh store.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"orleansfeatures/featurestore"
	"orleansfeatures/pb"
)

func main() {
	store, err := featurestore.Open(os.Args[1:], 2)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	store.Timeout = 5 * time.Second
	ctx := context.Background()

	fields := []string{"tx_id", "tx_time", "customer_id", "terminal_id", "amount", "fraud"}
	now := time.Now()
	payment := func(number int, amount float64) featurestore.Event {
		return featurestore.Event{
			"tx_id": number, "tx_time": now.Add(time.Duration(number-10) * time.Second), "customer_id": 596, "terminal_id": 3156, "amount": amount, "fraud": false,
		}
	}
	payments := []featurestore.Event{payment(1, 10), payment(2, 20), payment(3, 60)}
	pushed, err := store.Push(ctx, "transactions", fields, payments)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("pushed: %d of 3 on disk\n", pushed.Accepted+pushed.Duplicates)
	again, err := store.Push(ctx, "transactions", fields, payments)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("pushed again: %d accepted, %d duplicates\n", again.Accepted, again.Duplicates)

	spent := []string{"customer_spend:nb_tx_1d", "customer_spend:avg_amount_1d"}
	customers := &pb.KeyColumn{Field: "customer_id", Int64S: []int64{596, 597}}
	answer, err := store.Get(ctx, spent, customers)
	if err != nil {
		log.Fatal(err)
	}
	for row, customer := range customers.Int64S {
		count, _ := featurestore.Int64(answer, row, 0)
		average, known := featurestore.Double(answer, row, 1)
		fmt.Printf("customer %d: %d payments, %v on average (%v)\n", customer, count, average, known)
	}

	observed, err := store.Observe(ctx, "transactions", fields, payment(4, 30), spent)
	if err != nil {
		log.Fatal(err)
	}
	count, _ := featurestore.Int64(observed, 0, 0)
	average, _ := featurestore.Double(observed, 0, 1)
	fmt.Printf("after the fourth: %d payments, %v on average\n", count, average)
	fmt.Printf("retries: %d\n", store.Retries())
}
