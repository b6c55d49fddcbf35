using OrleansFeatures.Log.Snapshots;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests.Snapshots;

/// <summary>
/// Random lives of a store beside a plain dictionary: checkpoints with new and superseded records, large and small, carried over or with compaction left out, abandoned or failing, killed processes, lost power, full disks.
/// After every step the store says what the dictionary says, of the last checkpoint or, where a failure left that open, of the one that failed.
/// </summary>
public class CheckpointPropertyTests
{
    private const int SeedsPerCase = 25;
    private const int StepsPerLife = 40;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 8).Select(i => i * SeedsPerCase)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void The_store_says_what_a_dictionary_says(int firstSeed)
    {
        for (var seed = firstSeed; seed < firstSeed + SeedsPerCase; seed++)
        {
            var life = new Life(seed);
            for (var step = 0; step < StepsPerLife; step++)
            {
                life.Step($"seed {seed}, step {step}");
            }

            life.End();
        }
    }

    private sealed record Model(long Through, SortedDictionary<ulong, string> Values)
    {
        public static readonly Model Empty = new(-1, []);
    }

    private sealed class Life(int seed)
    {
        private readonly Random _random = new(seed);
        private readonly FaultyLogDevice _device = new(seed) { ReordersDirectory = seed % 2 == 0 };
        private readonly SnapshotOptions _options = SnapshotTestKit.Options() with
        {
            StateFileBytesMax = seed % 3 == 0 ? 4096 : 1 << 20,
            FilesMax = 2 + seed % 6,
            CarryBytesMax = seed % 4 == 0 ? 3000 : 1 << 20,
        };

        private SnapshotStore? _store;
        private Dictionary<ulong, StateEntry> _table = [];
        private Model _committed = Model.Empty;
        private readonly List<Model> _mayBeFound = []; // Checkpoints that failed, perhaps after they were on disk.
        private long _through;

        public void Step(string where)
        {
            _store ??= Open(where);
            switch (_random.Next(10))
            {
                case 0:
                    _store.Dispose();
                    _device.RestartProcess();
                    _store = null;
                    return;
                case 1:
                    _device.RestartMachine(_random.NextDouble());
                    _store = null;
                    return;
                case 2:
                    _device.FailAt = _device.Operations + 1 + _random.Next(20);
                    break;
                case 3:
                    _device.PowerLossAt = _device.Operations + 1 + _random.Next(20);
                    break;
                case 4:
                    _device.Capacity = _device.UsedBytes + _random.Next(8000);
                    break;
            }

            Checkpoint(_store, where);
            (_device.FailAt, _device.Capacity) = (int.MaxValue, long.MaxValue);
            if (_device.IsDead)
            {
                _device.RestartMachine(_random.NextDouble());
                _store = null;
                return;
            }

            _device.PowerLossAt = int.MaxValue;
            RequireAll(_store, _table, _committed, where);
        }

        public void End()
        {
            _store?.Dispose();
            _device.RestartProcess();
            using var store = Open($"seed {seed}, at the end");
            store.Verify(TestContext.Current.CancellationToken).Damage.ShouldBeEmpty($"seed {seed}");
        }

        private SnapshotStore Open(string where)
        {
            var store = SnapshotTestKit.Open(_device, _options);
            store.Repaired.ShouldBeEmpty(where);
            var through = store.Head?.Through.Value ?? -1;
            if (through != _committed.Through)
            {
                _committed = _mayBeFound.Find(model => model.Through == through).ShouldNotBeNull(where);
            }

            // Failed before the crash or found after it: from here on only one is left.
            _mayBeFound.Clear();
            _table = store.ReadTable();
            RequireAll(store, _table, _committed, where);
            _device.Files.Count.ShouldBe(2 + store.Files.Count, where);
            return store;
        }

        private void Checkpoint(SnapshotStore store, string where)
        {
            var values = new SortedDictionary<ulong, string>(_committed.Values);
            var table = new Dictionary<ulong, StateEntry>(_table);
            var next = new Model(++_through, values);
            try
            {
                using var writer = store.Begin(compact: _random.Next(5) != 0);
                var places = new Dictionary<ulong, StatePlace>();
                for (var left = _random.Next(12); left > 0; left--)
                {
                    var (key, value) = ((ulong)_random.Next(40), $"{_through}/{left} " + new string('v', _random.Next(10) == 0 ? _random.Next(9000) : _random.Next(300)));
                    places[key] = writer.Add(key, value);
                    values[key] = value;
                    store.ReadText(places[key]).ShouldBe(value, where);
                    if (_random.Next(4) == 0)
                    {
                        writer.Flush();
                    }
                }

                writer.CarryOver(table.Where(entry => !places.ContainsKey(entry.Key)).ToDictionary());
                if (_random.Next(8) == 0)
                {
                    return; // Thought better of it.
                }

                _mayBeFound.Add(next);
                writer.Commit(SnapshotTestKit.Head(_through));
                _committed = next;
                _mayBeFound.Clear();
            }
            catch (Exception e) when (e is StateWriteException or StateFullException)
            {
                return; // The fault that this step asked for.
            }

            foreach (var (key, entry) in table)
            {
                if (values[key] != _committed.Values[key])
                {
                    store.Forget(entry.Place, entry.Length);
                }
            }

            _table = store.ReadTable();
        }

        private static void RequireAll(SnapshotStore store, Dictionary<ulong, StateEntry> table, Model model, string where)
        {
            table.Keys.Order().SequenceEqual(model.Values.Keys).ShouldBeTrue(where);
            foreach (var (key, entry) in table)
            {
                store.ReadText(entry.Place).ShouldBe(model.Values[key], where);
            }

            (store.Head?.Through.Value ?? -1).ShouldBe(model.Through, where);
        }
    }
}
