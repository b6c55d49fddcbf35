using System.Diagnostics;
using OrleansFeatures.V1;

namespace OrleansFeatures.Benchmarks;

/// <summary>
/// The whole way of an event, on one machine: a client with several connections, gRPC streaming, checks, two entity types per event, fsync, application
/// to live state. The clock runs from the first push until everything is acknowledged and readable. Then, in the same run, the log alone appends the very
/// records that the server wrote: the ratio of the two says what all the rest costs, whatever the machine.
/// </summary>
internal static class EndToEndBenchmark
{
    public const string About = "events over gRPC streams until durable and readable: [--file FILE | --events N] [--connections 4] [--batch 2000] [--in-flight 8] [--rounds 2] [--program FILE] [--directory DIR]";

    /// <summary>The fraud definitions feed a customer and a terminal.</summary>
    private const int RecordsPerEvent = 2;

    public static async Task Run(Arguments arguments)
    {
        CardEvents events = CardEvents.Of(arguments);
        int batch = arguments.Number("batch", 2000);
        int connections = arguments.Number("connections", 4);
        int inFlight = arguments.Number("in-flight", 8);
        string directory = Directory.CreateDirectory(Path.Combine(arguments.Text("directory") ?? Path.GetTempPath(), $"end-to-end-benchmark-{Guid.NewGuid():N}")).FullName;
        try
        {
            var measured = new List<Measured>();
            await using (ServerProcess server = await ServerProcess.StartAsync(arguments.Text("program") ?? Places.Program, Path.Combine(directory, "data"), Places.FraudDefinitions))
            {
                Console.WriteLine($"{"",-9}{"events/s",11}{"acked/s",11}{"server CPU s/M",16}{"client CPU s/M",16}{"ack p50 ms",12}{"p99 ms",9}");

                // The first round meets a server that has just started and compiles as it goes; the next ones bring the same events, later and under new ids.
                for (int round = 0; round <= arguments.Number("rounds", 2); round++)
                {
                    PushRequest[] batches = [.. Batches(events, batch, round)];
                    measured.Add(await PushAll(server, batches, events.Count, connections, inFlight));
                    measured[^1].Print(round == 0 ? "cold" : $"warm {round}");
                }
            }

            int appends = measured.Count * ((events.Count + batch - 1) / batch);
            double logAlone = await LogAlone.MeasureAsync(directory, connections * inFlight, appends) / RecordsPerEvent;
            Console.WriteLine($"the log alone, same records, batches and batches in flight: {logAlone:N0} events/s ({RecordsPerEvent} records each); ratio of the best round {measured.Max(each => each.Rate) / logAlone:P1}");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<Measured> PushAll(ServerProcess server, PushRequest[] batches, int events, int connections, int inFlight)
    {
        using var traffic = new PushTraffic(server.Grpc, batches, inFlight);
        await traffic.ConnectAsync(connections);
        long recordsBefore = await traffic.RecordsAsync();
        TimeSpan serverBefore = server.CpuTime();
        TimeSpan clientBefore = Environment.CpuUsage.TotalTime;
        long clock = Stopwatch.GetTimestamp();
        await traffic.PushAsync();
        TimeSpan acked = Stopwatch.GetElapsedTime(clock);
        await traffic.WaitAppliedAsync();
        TimeSpan readable = Stopwatch.GetElapsedTime(clock);
        TimeSpan serverCpu = server.CpuTime() - serverBefore;
        TimeSpan clientCpu = Environment.CpuUsage.TotalTime - clientBefore;
        traffic.RequireAccepted(events);
        long records = await traffic.RecordsAsync() - recordsBefore;
        return records == (long)RecordsPerEvent * events
            ? new Measured(events, acked, readable, serverCpu, clientCpu, traffic.Latencies())
            : throw new InvalidOperationException($"{records:N0} records for {events:N0} events, expected {RecordsPerEvent} each");
    }

    /// <summary>The events as messages; each round continues where the one before ended, in ids and in time.</summary>
    private static IEnumerable<PushRequest> Batches(CardEvents events, int batch, int round)
    {
        ulong sequence = 0;
        long idShift = round * (events.Ids.Max() + 1);
        long timeShift = round * (events.Times[^1] - events.Times[0] + 1_000_000);
        for (int from = 0; from < events.Count; from += batch)
        {
            int count = Math.Min(batch, events.Count - from);
            var columns = new ColumnEvents { Count = (uint)count };
            columns.Columns.Add(new Column { Int64S = { events.Ids.GetRange(from, count).Select(id => id + idShift) } });
            columns.Columns.Add(new Column { TimestampsMicros = { events.Times.GetRange(from, count).Select(time => time + timeShift) } });
            columns.Columns.Add(new Column { Int64S = { events.Customer.GetRange(from, count) } });
            columns.Columns.Add(new Column { Int64S = { events.Terminal.GetRange(from, count) } });
            columns.Columns.Add(new Column { Doubles = { events.Amounts.GetRange(from, count) } });
            columns.Columns.Add(new Column { Bools = { events.Frauds.GetRange(from, count) } });
            yield return new PushRequest { Sequence = ++sequence, Stream = "transactions", Columns = columns };
        }
    }

    private sealed record Measured(int Events, TimeSpan Acked, TimeSpan Readable, TimeSpan ServerCpu, TimeSpan ClientCpu, double[] Latencies)
    {
        public double Rate => Events / Readable.TotalSeconds;

        public void Print(string name)
        {
            double millions = Events / 1e6;
            Console.WriteLine($"{name,-9}{Rate,11:N0}{Events / Acked.TotalSeconds,11:N0}{ServerCpu.TotalSeconds / millions,16:N2}{ClientCpu.TotalSeconds / millions,16:N2}{At(0.5),12:N1}{At(0.99),9:N1}");
        }

        private double At(double part) => Latencies[(int)Math.Min(Latencies.Length - 1, Latencies.Length * part)];
    }
}
