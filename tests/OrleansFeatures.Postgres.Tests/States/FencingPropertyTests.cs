using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.States;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Postgres.Tests.States;

/// <summary>Owners that come and go in any order, against a model that fits into a dictionary; and owners that fight, against a sum.</summary>
public sealed class FencingPropertyTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Any_interleaving_of_owners_leaves_what_the_model_says(int seed)
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        var random = new Random(seed);
        var model = new Model();
        var claims = new List<(PartitionClaim Claim, long Applied)>();
        for (int step = 0; step < 300; step++)
        {
            if (claims.Count == 0 || random.Next(6) == 0)
            {
                var partition = new PartitionId(random.Next(2));
                long generation = 1 + random.Next(step < 150 ? 1 : 2);
                PartitionClaim? claim = await TakenAsync(() => states.AcquireAsync(partition, $"owner{step}", generation, Rows.Cancelled));
                claim.ShouldBe(model.Acquire(partition, generation), $"seed {seed}, step {step}");
                if (claim is not null)
                {
                    claims.Add((claim, claim.Applied.Value));
                }

                continue;
            }

            // Mostly the newest owners, now and then one that was replaced long ago.
            int place = Math.Max(0, claims.Count - 1 - (int)Math.Abs(random.NextDouble() * random.NextDouble() * 6));
            (PartitionClaim owner, long applied) = claims[place];
            long from = random.Next(5) == 0 ? applied + random.Next(-3, 4) : applied;
            long to = from + random.Next(4);
            EntityRow[] rows = [.. Enumerable.Range(0, random.Next(6)).Select(_ => random.Next(8)).Distinct().Select(key => Rows.Of($"k{key}", random.NextInt64(Math.Max(0, to) + 2), $"{seed}/{step}"))];
            bool written = await TakenAsync<object>(async () =>
            {
                await states.Checkpoint(owner, from, to, rows);
                return owner;
            }) is not null;
            written.ShouldBe(model.Checkpoint(owner, from, to, rows), $"seed {seed}, step {step}");
            claims[place] = (owner, written ? to : applied);
        }

        (await Rows.All(store)).ShouldBe(model.All(), $"seed {seed}");
        PartitionClaim[] all = [.. claims.Select(each => each.Claim)];
        (await states.ConfirmAsync(all, Rows.Cancelled)).ShouldBe(all.Where(model.Stands), ignoreOrder: true, $"seed {seed}");
        (await states.StandingsAsync(Rows.Cancelled)).ToDictionary(each => each.Partition, each => (each.Epoch, each.Generation, each.Applied.Value)).ShouldBe(model.Partitions, ignoreOrder: true);
    }

    /// <summary>
    /// The log of a partition is the numbers 0, 1, 2, ...; the only entity is their sum. Four owners fight for it: each acquires, loads, adds some numbers, writes, until it is fenced. Whoever wrote over another's state,
    /// or with one that it did not begin from, would make the sum another than that of the numbers through the position.
    /// </summary>
    [Fact]
    public async Task Owners_that_fight_count_every_record_once()
    {
        const long Numbers = 400;
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        int seed = Environment.TickCount;
        int fenced = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(owner => Task.Run(async () =>
        {
            var random = new Random(seed + owner);
            for (long through = -1; through < Numbers;)
            {
                PartitionClaim claim = await states.AcquireAsync(new PartitionId(0), $"owner{owner}", 1, Rows.Cancelled);
                through = claim.Applied.Value;
                long sum = await states.Load(claim, "sum") is { } row ? long.Parse(row.Text(), CultureInfo.InvariantCulture) : 0;
                try
                {
                    for (int turn = random.Next(1, 12); turn > 0 && through < Numbers; turn--)
                    {
                        long to = through + random.Next(1, 4);
                        sum += Enumerable.Range((int)through + 1, (int)(to - through)).Sum();
                        await states.Checkpoint(claim, through, to, Rows.Of("sum", to + 1, sum.ToString(CultureInfo.InvariantCulture)));
                        through = to;
                    }
                }
                catch (FencedException)
                {
                    Interlocked.Increment(ref fenced);
                }
            }
        }, Rows.Cancelled)));
        PartitionClaim last = await states.AcquireAsync(new PartitionId(0), "judge", 1, Rows.Cancelled);
        long n = last.Applied.Value;
        (await states.Load(last, "sum")).ShouldNotBeNull().Text().ShouldBe((n * (n + 1) / 2).ToString(CultureInfo.InvariantCulture), $"seed {seed}, {fenced} times fenced");
        fenced.ShouldBeGreaterThan(0, "or nobody fought");
    }

    private static async Task<T?> TakenAsync<T>(Func<Task<T>> work)
        where T : class
    {
        try
        {
            return await work();
        }
        catch (FencedException)
        {
            return null;
        }
    }

    /// <summary>What is right, in as few words as possible.</summary>
    private sealed class Model
    {
        private readonly SortedDictionary<(long Generation, int Partition, string Key), (long Version, string State)> _rows = [];

        public Dictionary<PartitionId, (long Epoch, long Generation, long Applied)> Partitions { get; } = [];

        public PartitionClaim? Acquire(PartitionId partition, long generation)
        {
            (long epoch, long had, long applied) = Partitions.GetValueOrDefault(partition, (0, generation, -1));
            if (had > generation)
            {
                return null;
            }

            Partitions[partition] = (epoch + 1, generation, had == generation ? applied : -1);
            return new PartitionClaim(partition, epoch + 1, generation, new LogOffset(Partitions[partition].Applied));
        }

        public bool Stands(PartitionClaim claim) => Partitions[claim.Partition].Epoch == claim.Epoch;

        public bool Checkpoint(PartitionClaim claim, long from, long to, EntityRow[] rows)
        {
            if (!Stands(claim) || Partitions[claim.Partition].Applied < from || Partitions[claim.Partition].Applied > to)
            {
                return false;
            }

            Partitions[claim.Partition] = Partitions[claim.Partition] with { Applied = to };
            foreach (var older in _rows.Keys.Where(key => key.Partition == claim.Partition.Value && key.Generation < claim.Generation).ToList())
            {
                _rows.Remove(older);
            }

            foreach (EntityRow row in rows)
            {
                var key = (claim.Generation, claim.Partition.Value, System.Text.Encoding.UTF8.GetString(row.Key.Span));
                if (!_rows.TryGetValue(key, out var kept) || kept.Version < row.Version)
                {
                    _rows[key] = (row.Version, row.Text());
                }
            }

            return true;
        }

        public List<string> All() => [.. _rows.Select(each => $"{each.Key.Generation} {each.Key.Partition} {unchecked((int)Rows.Card)} {each.Key.Key} {each.Value.Version} {each.Value.State}")];
    }
}
