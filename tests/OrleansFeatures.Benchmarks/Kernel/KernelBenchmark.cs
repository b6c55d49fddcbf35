using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities.Intake;

namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>
/// The window engine on one thread, without log and network: what an event and a read cost, and what an entity weighs, beside what one would use without it on the same events in the
/// same run.
/// </summary>
internal static class KernelBenchmark
{
    public const string About = "the window engine on one thread: [--partitions 64] [--alone yes] [--only zipf|uniform|history|micros|dense | --keys N] [--redis-events 200_000]; --table aggregates; --table nexmark";

    private const int CheckedEntities = 500;

    private static readonly KernelWorkload[] Workloads =
    [
        new("zipf: 10,000 keys, s = 1.0", 10_000, 5_000_000, 1.0, WholeMilliseconds: true),
        new("uniform: 1,000,000 keys, no history beyond 24 h", 1_000_000, 10_000_000, 0, WholeMilliseconds: true, Duration.Zero),
        new("history: 1,000,000 keys, a day of history", 1_000_000, 10_000_000, 0, WholeMilliseconds: true),
        new("micros: 1,000,000 keys, times in microseconds", 1_000_000, 10_000_000, 0, WholeMilliseconds: false),
        new("dense: 1 key, 1,000,000 events in 24 h", 1, 1_000_000, 0, WholeMilliseconds: true),
    ];

    public static Task Run(Arguments arguments)
    {
        int partitions = arguments.Number("partitions", Entities.Limits.PartitionCountDefault);
        switch (arguments.Text("table"))
        {
            case "aggregates":
                AggregateTable.Print();
                return Task.CompletedTask;
            case "nexmark":
                NexmarkTable.Print(partitions);
                return Task.CompletedTask;
        }

        Console.WriteLine("One thread. Windows of 1 m, 1 h and 24 h, sliding; count, sum, mean, min and max of a double; ids of 64 bits, all kept, duplicates found; one event in ten up to 60 s");
        Console.WriteLine("late, one in a hundred a duplicate. Update: a record of 88 bytes through its partition's gate, entity table, actor and state, in blocks; read: all fifteen values.");
        Console.WriteLine($"One read of main memory that waits for another takes {MemoryWait.Nanoseconds():N0} ns here and now.");
        Console.WriteLine("Medians of rounds, in brackets the rounds from the 5th to the 95th percentile.");
        if (arguments.Number("keys", 0) is > 0 and var keys)
        {
            Run(new KernelWorkload($"uniform: {keys:N0} keys", keys, keys * 10L, 0, WholeMilliseconds: true), partitions, alone: true);
            return Task.CompletedTask;
        }

        foreach (KernelWorkload workload in Workloads.Where(workload => arguments.Text("only") is not { } only || workload.Name.StartsWith(only, StringComparison.Ordinal)))
        {
            bool alone = arguments.Text("alone") is not null;
            Run(workload, partitions, alone);
            if (!alone)
            {
                // All events of one key are one set, which every read fetches whole.
                RunRedis(workload, arguments.Number("redis-events", 200_000) / (workload.Keys == 1 ? 10 : 1));
            }
        }

        PrintIdIndex();
        return Task.CompletedTask;
    }

    private static void Run(KernelWorkload workload, int partitions, bool alone)
    {
        Console.WriteLine();
        Console.WriteLine(workload.Name);
        Console.WriteLine($"  {"",-14}{"update ns",18}{"read ns, just updated",26}{"read ns, at random",22}{"B/entity",12}{"B/event",9}{"allocated B/event",19}");
        Catalog catalog = KernelDefinitions.ThreeByFive(workload.History);
        Duration retention = catalog.Entity(KernelDefinitions.Entity)!.Timelines[0].Retention;
        var engine = new EngineSubject(catalog, workload.Keys == 1 ? 1 : partitions, KernelSuite.BlockEvents);
        double[] answers = Measure(workload, KernelEffort.Full(workload), engine, () => engine.Store.Census().Events);
        PrintBytes(engine.Store);
        if (alone)
        {
            return;
        }

        engine = null;
        var lists = new SortedListSubject(retention);
        double[] plain = Measure(workload, KernelEffort.FewReads(workload), lists, null);
        Console.WriteLine($"    values of it that differ from the engine's, after the same events: {KernelSuite.Differing(answers, plain)} of {answers.Length:N0}");
    }

    private static void RunRedis(KernelWorkload workload, int events)
    {
        using RedisServer? server = RedisServer.Start();
        if (server is null)
        {
            Console.WriteLine("  redis: not measured, there is no redis-server on the path (Debian: apt-get install redis-server)");
            return;
        }

        Console.WriteLine($"  redis {server.Version}, on loopback, without persistence, {RedisSubject.Pipelined} commands under way; the first {events:N0} events only, nothing filled in before");
        Duration retention = KernelDefinitions.ThreeByFive().Entity(KernelDefinitions.Entity)!.Timelines[0].Retention;
        foreach (RedisSubject subject in (RedisSubject[])[new RedisTiles(server), new RedisSortedSets(server, retention)])
        {
            var suite = new KernelSuite(workload, KernelEffort.Brief(events));
            TimeSpan before = server.CpuTime();
            suite.MeasureUpdates(subject);
            double cpuNanoseconds = (server.CpuTime() - before).TotalNanoseconds / events;
            double bytes = server.UsedBytes() / events;
            suite.MeasureReads(subject);
            Console.WriteLine($"  {subject.Name,-14}{suite.Updates,18}{suite.ReadsAfterUpdate,26}{suite.RandomReadsOf,22}{"",12}{bytes,9:N1}   server CPU of an update: {cpuNanoseconds:N0} ns");
            server.Flush();
        }
    }

    /// <summary>Prints the subject's line, and returns some of its values as they are when all updates have been measured.</summary>
    private static double[] Measure(KernelWorkload workload, KernelEffort effort, IKernelSubject subject, Func<long>? events)
    {
        var suite = new KernelSuite(workload, effort);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        suite.MeasureUpdates(subject);
        double[] answers = KernelSuite.Answers(workload, subject, suite.StreamTimeMicros, CheckedEntities);
        suite.MeasureReads(subject);
        long bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        string perEvent = events is null ? "" : $"{(double)bytes / events():N1}";
        Console.WriteLine($"  {subject.Name,-14}{suite.Updates,18}{suite.ReadsAfterUpdate,26}{suite.RandomReadsOf,22}{(double)bytes / workload.Keys,12:N0}{perEvent,9}{suite.Updates.AllocatedBytes,19:N3}");
        return answers;
    }

    private static void PrintBytes(EngineStore store)
    {
        (long entities, long events) = store.Census();
        (long rows, long texts, long free, long total) = store.Slabs();
        Console.WriteLine($"    of these in slabs, by entity: rows and keys {(double)rows / entities:N0}, texts {(double)texts / entities:N0}, not in use {(double)free / entities:N0}, total {(double)total / entities:N0}; "
            + $"{entities:N0} entities hold {(double)events / entities:N1} events each");
    }

    /// <summary>What finds a duplicate before it comes to its entity; it spans the stream and not an entity.</summary>
    private static void PrintIdIndex()
    {
        const int ids = 2_000_000;
        const int rounds = 20;
        long before = GC.GetTotalMemory(forceFullCollection: true);
        var index = new EventIdIndex();
        var claims = new Rounds();
        for (int round = 0; round < rounds; round++)
        {
            int from = round * (ids / rounds);
            claims.Time(ids / rounds, () =>
            {
                for (int id = from; id < from + (ids / rounds); id++)
                {
                    index.TryClaim(1, EventIdIndex.IdKey.Of(id), batch: 1, out _);
                }
            });
        }

        long bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        Console.WriteLine();
        Console.WriteLine($"stream-wide index of ids (intake's: an id counts once whichever entity and connection it comes by): {claims} ns and {(double)bytes / ids:N0} bytes an id, {index.Count(1):N0} ids");
    }
}
