using OrleansFeatures.Domain.Aggregates;

namespace OrleansFeatures.Domain.Tests.Aggregates;

public sealed class RanksTests
{
    public static TheoryData<string> Orders() => ["random", "ascending", "descending", "equal", "two values", "organ pipe", "sawtooth", "one far out"];

    [Theory]
    [MemberData(nameof(Orders))]
    public void A_selected_place_holds_what_sorting_would_put_there(string order)
    {
        for (int seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            int count = random.Next(1, 2_000);
            long[] values = Values(order, count, random);
            long[] sorted = [.. values.Order()];
            for (int question = 0; question < 5; question++)
            {
                int place = random.Next(count);
                Ranks.Select<long>(values, place).ShouldBe(sorted[place], $"seed {seed}, place {place} of {count}");
                values[..place].ShouldAllBe(value => value <= sorted[place]);
                values[place..].ShouldAllBe(value => value >= sorted[place]);
            }

            ((long[])[.. values.Order()]).ShouldBe(sorted, $"seed {seed}");
        }
    }

    [Fact]
    public void No_order_of_values_makes_selecting_quadratic()
    {
        const int count = 20_000;
        var adversary = new Adversary(count);
        Undecided[] values = [.. Enumerable.Range(0, count).Select(index => new Undecided(adversary, index))];
        Ranks.Select<Undecided>(values, count / 2);

        // 2 log2 n = 28 partings at one comparison a value, then a sort that gives up in the same way: 28 more, and at most 29 for the heap sort behind it. Quadratic would be 200 million.
        adversary.Comparisons.ShouldBeLessThan((28 + 28 + 29) * (long)count);
    }

    private static long[] Values(string order, int count, Random random)
    {
        IEnumerable<int> places = Enumerable.Range(0, count);
        return order switch
        {
            "random" => [.. places.Select(_ => random.NextInt64(long.MinValue, long.MaxValue))],
            "ascending" => [.. places],
            "descending" => [.. places.Select(place => -(long)place)],
            "equal" => [.. places.Select(_ => 7L)],
            "two values" => [.. places.Select(_ => (long)random.Next(2))],
            "organ pipe" => [.. places.Select(place => (long)Math.Min(place, count - place))],
            "sawtooth" => [.. places.Select(place => (long)place % 17)],
            _ => [.. places.Select(place => place == count / 3 ? long.MaxValue : place % 3)],
        };
    }

    /// <summary>
    /// Decides what values are only as they are compared, and so that whatever is taken for a pivot turns out to be among the least (McIlroy, A killer adversary for quicksort,
    /// Software: Practice and Experience 29, 1999).
    /// </summary>
    private sealed class Adversary(int count)
    {
        private readonly int[] _decided = [.. Enumerable.Repeat(int.MaxValue, count)];
        private int _next;
        private int _candidate;

        public long Comparisons { get; private set; }

        public int Compare(int left, int right)
        {
            Comparisons++;
            if (_decided[left] == int.MaxValue && _decided[right] == int.MaxValue && left != right)
            {
                _decided[left == _candidate ? left : right] = _next++;
            }

            _candidate = _decided[left] == int.MaxValue ? left : _decided[right] == int.MaxValue ? right : _candidate;
            return _decided[left].CompareTo(_decided[right]);
        }
    }

    private readonly record struct Undecided(Adversary Adversary, int Index) : System.Numerics.IComparisonOperators<Undecided, Undecided, bool>, IComparable<Undecided>
    {
        public int CompareTo(Undecided other) => Adversary.Compare(Index, other.Index);

        public static bool operator <(Undecided left, Undecided right) => left.CompareTo(right) < 0;

        public static bool operator >(Undecided left, Undecided right) => left.CompareTo(right) > 0;

        public static bool operator <=(Undecided left, Undecided right) => left.CompareTo(right) <= 0;

        public static bool operator >=(Undecided left, Undecided right) => left.CompareTo(right) >= 0;
    }
}
