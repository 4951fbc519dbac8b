// A client of clickhouse-go, the library under Grafana's ClickHouse plugin, over HTTP.
//
// main HOST:PORT USER PASSWORD none|lz4|zstd|gzip|deflate|br COMMAND: `ask` prints the rows of the statement on standard
// input as lines of JSON, after a line with columns and types; `insert` stores rows into table go_t.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

var methods = map[string]clickhouse.CompressionMethod{
	"none": clickhouse.CompressionNone, "lz4": clickhouse.CompressionLZ4, "zstd": clickhouse.CompressionZSTD,
	"gzip": clickhouse.CompressionGZIP, "deflate": clickhouse.CompressionDeflate, "br": clickhouse.CompressionBrotli,
}

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]); err != nil {
		said := map[string]any{"error": err.Error()}
		var exception *clickhouse.Exception
		if errors.As(err, &exception) {
			said["code"] = exception.Code
		}
		json.NewEncoder(os.Stdout).Encode(said)
		os.Exit(1)
	}
}

func run(address, user, password, method, command string) error {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:        []string{address},
		Protocol:    clickhouse.HTTP,
		Auth:        clickhouse.Auth{Database: "default", Username: user, Password: password},
		Compression: &clickhouse.Compression{Method: methods[method], Level: 1},
		Settings:    clickhouse.Settings{"max_execution_time": 60},
		ReadTimeout: 60 * time.Second,
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx := context.Background()
	if err := conn.Ping(ctx); err != nil {
		return err
	}
	if command == "insert" {
		return insert(ctx, conn)
	}
	statement, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	return ask(ctx, conn, string(statement))
}

func ask(ctx context.Context, conn driver.Conn, statement string) error {
	rows, err := conn.Query(ctx, statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	out := json.NewEncoder(os.Stdout)
	types := rows.ColumnTypes()
	columns := make([]string, len(types))
	for i, one := range types {
		columns[i] = one.Name() + " " + one.DatabaseTypeName()
	}
	if err := out.Encode(columns); err != nil {
		return err
	}
	for rows.Next() {
		values := make([]any, len(types))
		for i, one := range types {
			values[i] = reflect.New(one.ScanType()).Interface()
		}
		if err := rows.Scan(values...); err != nil {
			return err
		}
		if err := out.Encode(values); err != nil {
			return err
		}
	}
	return rows.Err()
}

func insert(ctx context.Context, conn driver.Conn) error {
	const most = 100_000
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO go_t (a, b, c)")
	if err != nil {
		return err
	}
	for i := range most {
		if err := batch.Append(uint64(i), fmt.Sprint(i), rand.Text()[:i%20]); err != nil {
			return err
		}
	}
	if err := batch.Send(); err != nil {
		return err
	}
	var count, sum uint64
	row := conn.QueryRow(ctx, "SELECT count(), sum(a) FROM go_t WHERE b = toString(a) AND length(c) = a % {m:UInt8}",
		clickhouse.Named("m", 20))
	if err := row.Scan(&count, &sum); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode([]uint64{count, sum})
}
