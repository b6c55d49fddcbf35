using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests;

/// <summary>
/// What was acknowledged survives, in order and whole; of the rest at most a prefix appears. Payloads are numbered in the order of
/// appending, which are their sequences, so that "exactly the numbers from the first to k, and every acknowledged one among them" says it all. Old segments are dropped all the while.
/// </summary>
public class CrashTests
{
    private const string Directory = "/memory";

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Acknowledged_records_survive_power_loss_at_any_operation(int firstSeed)
    {
        for (var seed = firstSeed; seed < firstSeed + SeedsPerCase; seed++)
        {
            var random = new Random(seed);
            var device = new FaultyLogDevice(seed);
            var appended = 0;
            for (var crash = 0; crash < 4; crash++)
            {
                device.PowerLossAt = device.Operations + 1 + random.Next(60);
                var run = new Run(seed, device, random, appended);
                var acknowledged = await run.UntilFailure();
                appended = await RecoveredAfterRestart(seed, device, random, acknowledged, run.Submitted);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_failed_write_or_sync_poisons_and_loses_nothing_acknowledged(int firstSeed)
    {
        for (var seed = firstSeed; seed < firstSeed + SeedsPerCase; seed++)
        {
            var random = new Random(seed);
            var device = new FaultyLogDevice(seed);
            var first = new Run(seed, device, random, 0) { BatchesMax = 5 };
            var acknowledged = await first.UntilFailure();
            device.FailAt = device.Operations + 1 + random.Next(40);
            var second = new Run(seed, device, random, acknowledged);
            acknowledged = await second.UntilFailure();
            await RecoveredAfterRestart(seed, device, random, acknowledged, second.Submitted);
        }
    }

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 10).Select(i => i * SeedsPerCase)];

    private const int SeedsPerCase = 30;

    private static LogOptions Options => LogTestKit.Options(Directory, partitions: 3, segmentBytes: Limits.SegmentBytesMin);

    /// <summary>In a third of the cases the process is killed first and opens the log, and the power fails later: what the first opening showed must stay.</summary>
    private static async Task<int> RecoveredAfterRestart(int seed, FaultyLogDevice device, Random random, int acknowledged, int submitted)
    {
        if (random.Next(3) == 0)
        {
            device.RestartProcess();
            acknowledged = await Recovered(seed, device, acknowledged, submitted);
            if (random.Next(2) == 0)
            {
                var after = new Run(seed, device, random, acknowledged) { BatchesMax = random.Next(30) };
                acknowledged = await after.UntilFailure();
                submitted = after.Submitted;
            }
        }

        device.RestartMachine(survival: random.Next(3) == 0 ? 0 : random.NextDouble());
        return await Recovered(seed, device, acknowledged, submitted);
    }

    /// <summary>Opens without faults and returns how many records there are.</summary>
    private static async Task<int> Recovered(int seed, FaultyLogDevice device, int acknowledged, int submitted)
    {
        EventLog log;
        try
        {
            log = LogTestKit.Open(Options, device);
        }
        catch (LogException e)
        {
            throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
        }

        await using (log)
        {
            var first = (int)log.FirstSequence.Value;
            var numbers = log.ReadAll(first).Select(record => int.Parse(record.Payload.Split(' ')[0])).ToList();
            numbers.ShouldBe(Enumerable.Range(first, numbers.Count), $"seed {seed}");
            (first + numbers.Count).ShouldBeInRange(acknowledged, submitted, $"seed {seed}");
            return first + numbers.Count;
        }
    }

    /// <summary>Appends numbered records until the log fails or enough was appended. In half of the seeds several batches are under way at once.</summary>
    private sealed class Run(int seed, FaultyLogDevice device, Random random, int next)
    {
        public int BatchesMax { get; init; } = 200;

        /// <summary>One past the last number handed to the log.</summary>
        public int Submitted { get; private set; } = next;

        /// <summary>Returns one past the last number acknowledged.</summary>
        public async Task<int> UntilFailure()
        {
            var acknowledged = Submitted;
            try
            {
                await using var log = LogTestKit.Open(Options, device);
                for (var i = 0; i < BatchesMax; i++)
                {
                    var under = Enumerable.Range(0, seed % 2 == 0 ? 1 : 1 + random.Next(4)).Select(_ => Submit(log)).ToList();
                    foreach (var (last, durable) in under)
                    {
                        await durable;
                        acknowledged = last;
                    }

                    if (random.Next(8) == 0)
                    {
                        Truncate(log, acknowledged);
                    }
                }
            }
            catch (Exception e) when (e is IOException or LogPoisonedException)
            {
                // The fault that the test asked for: at opening it comes as it is, later it has poisoned the log.
            }

            return acknowledged;
        }

        /// <summary>A failing disk may fail this too; whether that matters, the next append tells.</summary>
        private void Truncate(EventLog log, int acknowledged)
        {
            try
            {
                log.Truncate(new LogSequence(random.Next(acknowledged + 1)), long.MaxValue);
            }
            catch (LogTruncationException)
            {
                // The power is off, or this operation was the one to fail.
            }
        }

        private (int Last, Task<AppendReceipt> Durable) Submit(EventLog log)
        {
            using var batch = new AppendBatch();
            for (var left = 1 + random.Next(6); left > 0; left--)
            {
                var number = Submitted++;
                batch.Add(new PartitionId(number % 3), System.Text.Encoding.UTF8.GetBytes($"{number} {new string('.', random.Next(300))}"));
            }

            return (Submitted, log.AppendAsync(batch, TestContext.Current.CancellationToken));
        }
    }
}
