using System.Diagnostics;
using OrleansFeatures.Postgres.Tests;

namespace OrleansFeatures.Benchmarks;

/// <summary>
/// The cluster's log in a PostgreSQL of its own on this machine, with every sync, and the embedded log in the same run: the same events through the same intake. First how many events one and three silos bring in, then how long
/// after its push an event can be read at the end of its partition, by the silo that pushed it and by another, at rates that leave the machine time. Latency counts from when a push was due, so a stall is paid by every push that it holds up.
/// PostgreSQL, all silos and the pushing share the machine's cores.
/// </summary>
internal static class PostgresLogBenchmark
{
    public const string About = "the cluster's log beside the embedded one: [--events 200_000] [--in-flight 8] [--seconds 10] [--directory DIR]";

    public static async Task Run(Arguments arguments)
    {
        if (PostgresServer.WhyNot() is { } reason)
        {
            Console.WriteLine(reason);
            return;
        }

        int events = arguments.Number("events", 200_000);
        int inFlight = arguments.Number("in-flight", 8);
        var seconds = TimeSpan.FromSeconds(arguments.Number("seconds", 10));
        string directory = Directory.CreateDirectory(Path.Combine(arguments.Text("directory") ?? Path.GetTempPath(), $"postgres-log-benchmark-{Guid.NewGuid():N}")).FullName;
        await using PostgresServer server = await PostgresServer.StartAsync("shared_buffers=512MB", "max_wal_size=8GB", "max_connections=50");
        try
        {
            await ThroughputAsync(server, directory, events, inFlight);
            await LatencyAsync(server, directory, seconds);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task ThroughputAsync(PostgresServer server, string directory, int events, int inFlight)
    {
        Console.WriteLine($"{"",-26}{"events/s",12}{"events/append",15}{"appends/s",12}{"CPU us/event",14}{"p50 ms",9}{"p99 ms",9}");
        await using (LogSubject warm = await SubjectAsync(server, directory, silos: 1, "warm"))
        {
            await PushAllAsync(warm, 20_000, 1_000, inFlight);
        }

        foreach (int batch in (int[])[1, 100, 1_000, 5_000])
        {
            foreach (int silos in (int[])[0, 1, 3])
            {
                await using LogSubject subject = await SubjectAsync(server, directory, silos, $"batch {batch}");
                int count = Math.Min(events, batch == 1 ? 10_000 : events);
                TimeSpan cpu = Environment.CpuUsage.TotalTime;
                long start = Stopwatch.GetTimestamp();
                double[] latencies = await PushAllAsync(subject, count, batch, inFlight);
                double took = Stopwatch.GetElapsedTime(start).TotalSeconds;
                double used = (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds;
                double appends = await subject.AppendsAsync();
                string each = double.IsNaN(appends) ? $"{"-",15}{"-",12}" : $"{count / appends,15:N0}{appends / took,12:N0}";
                Console.WriteLine($"{Name(silos) + $", {batch} a push",-26}{count / took,12:N0}{each}{used / count,14:N1}{At(latencies, 0.5),9:N2}{At(latencies, 0.99),9:N2}");
            }
        }

        Console.WriteLine();
    }

    private static async Task LatencyAsync(PostgresServer server, string directory, TimeSpan duration)
    {
        Console.WriteLine($"{"due to readable, ms",-26}{"events/s",12}{"read at",12}{"p50",9}{"p99",9}{"p99.9",9}{"max",9}");
        foreach ((int rate, int batch) in ((int, int)[])[(1_000, 1), (1_000, 10), (10_000, 100)])
        {
            foreach (int silos in (int[])[0, 3])
            {
                await using LogSubject subject = await SubjectAsync(server, directory, silos, $"rate {rate} {batch}");
                var pace = new Pace(subject, rate, batch);
                await pace.RunAsync(TimeSpan.FromSeconds(2));
                pace.Forget();
                await pace.RunAsync(duration);
                foreach ((string where, double[] latencies) in pace.Latencies())
                {
                    Console.WriteLine($"{Name(silos) + $", {batch} a push",-26}{rate,12:N0}{where,12}{At(latencies, 0.5),9:N2}{At(latencies, 0.99),9:N2}{At(latencies, 0.999),9:N2}{latencies[^1],9:N2}");
                }
            }
        }
    }

    private static string Name(int silos) => silos switch { 0 => "embedded", 1 => "1 silo", _ => $"{silos} silos" };

    private static double At(double[] sorted, double part) => sorted[(int)Math.Min(sorted.Length - 1, sorted.Length * part)];

    private static async Task<LogSubject> SubjectAsync(PostgresServer server, string directory, int silos, string name) =>
        silos == 0 ? new EmbeddedSubject(Path.Combine(directory, $"{name} {Guid.NewGuid():N}")) : await ClusterSubject.StartAsync(await server.CreateDatabaseAsync(), silos);

    /// <summary>Each silo has so many pushes under way. Returns how long each took, in milliseconds, the shortest first.</summary>
    private static async Task<double[]> PushAllAsync(LogSubject subject, int events, int batch, int inFlight)
    {
        int next = 0;
        double[][] latencies = await Task.WhenAll(Enumerable.Range(0, subject.Entries * inFlight).Select(pusher => Task.Run(async () =>
        {
            List<double> own = [];
            for (int from; (from = Interlocked.Add(ref next, batch) - batch) < events;)
            {
                long start = Stopwatch.GetTimestamp();
                await subject.PushAsync(pusher % subject.Entries, from, Math.Min(batch, events - from));
                own.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }

            return own.ToArray();
        })));
        return [.. latencies.SelectMany(each => each).Order()];
    }

    /// <summary>Pushes at a rate, whatever becomes of the pushes before, and notes when each event could be read.</summary>
    private sealed class Pace
    {
        private readonly LogSubject _subject;
        private readonly int _batch;
        private readonly int _rate;
        private readonly List<double>[] _latencies;
        private readonly Dictionary<long, long>[] _due;
        private int _next;

        public Pace(LogSubject subject, int rate, int batch)
        {
            (_subject, _rate, _batch) = (subject, rate, batch);
            _latencies = [.. subject.Readers.Select(_ => new List<double>())];
            _due = [.. subject.Readers.Select(_ => new Dictionary<long, long>())];
            subject.Read = Note;
        }

        public void Forget() => Array.ForEach(_latencies, list => { lock (list) { list.Clear(); } });

        public IEnumerable<(string Where, double[] Sorted)> Latencies()
        {
            for (int reader = 0; reader < _latencies.Length; reader++)
            {
                lock (_latencies[reader])
                {
                    yield return (_subject.Readers[reader], [.. _latencies[reader].Order()]);
                }
            }
        }

        public async Task RunAsync(TimeSpan duration)
        {
            List<Task> pushes = [];
            long start = Stopwatch.GetTimestamp();
            int count = (int)(duration.TotalSeconds * _rate / _batch);
            using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(1));
            for (int push = 0; push < count;)
            {
                for (long due; push < count && (due = start + (long)((double)push * _batch / _rate * Stopwatch.Frequency)) <= Stopwatch.GetTimestamp(); push++)
                {
                    int from = _next;
                    _next += _batch;
                    Expect(from, due);
                    int entry = push % _subject.Entries;
                    pushes.Add(Task.Run(() => _subject.PushAsync(entry, from, _batch)));
                }

                await tick.WaitForNextTickAsync();
            }

            await Task.WhenAll(pushes);
            while (_due.Any(IsWaiting))
            {
                await tick.WaitForNextTickAsync();
            }
        }

        private static bool IsWaiting(Dictionary<long, long> due)
        {
            lock (due)
            {
                return due.Count > 0;
            }
        }

        private void Expect(int from, long due)
        {
            foreach (Dictionary<long, long> reader in _due)
            {
                lock (reader)
                {
                    for (int id = from; id < from + _batch; id++)
                    {
                        reader[id] = due;
                    }
                }
            }
        }

        /// <summary>The primary of an event has been read.</summary>
        private void Note(int reader, long id)
        {
            long now = Stopwatch.GetTimestamp();
            long due;
            lock (_due[reader])
            {
                if (!_due[reader].Remove(id, out due))
                {
                    return;
                }
            }

            lock (_latencies[reader])
            {
                _latencies[reader].Add(Stopwatch.GetElapsedTime(due, now).TotalMilliseconds);
            }
        }
    }
}
