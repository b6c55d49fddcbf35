using System.Numerics;
using System.Runtime.InteropServices;
using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>
/// Counts distinct 64-bit hashes in at most 4 KB. Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog", AofA 2007, with the improved estimator
/// of Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", arXiv:1702.01284, algorithm 6, which needs no bias table and no switch
/// between ranges.
/// </summary>
/// <remarks>
/// <para>
/// The first 12 bits of a hash choose one of 4,096 registers; the register keeps the longest run of zeros, plus one, that began the other 52.
/// Standard error 1.04 / sqrt(4096) = 1.6 % of the count.
/// </para>
/// <code>
///   hash   [ 12 bits: register ][ 0 0 0 0 1 x x x ... ]     run of 4 zeros: the register becomes at least 5
///   sparse [ h0 h1 h2 ... ]  sorted, distinct, up to 512: the count is exact, but for two values with one hash (n² / 2^65)
///   dense  [ r0 r1 r2 ... r4095 ]  one byte each
/// </code>
/// <para>
/// Saved are the hashes as they are, or the registers with six bits each, four in three bytes, after their number, which is zero for registers.
/// </para>
/// <para>
/// The state is a function of the set of hashes alone: a union of more than 512 is dense whichever way it came about. So merging is associative,
/// commutative and idempotent to the bit, and a value added twice changes nothing.
/// </para>
/// </remarks>
internal sealed class HyperLogLog
{
    /// <summary>Bits of a hash that number a register.</summary>
    private const int Precision = 12;
    private const int Registers = 1 << Precision;

    /// <summary>Bits of a hash that are left for the run of zeros.</summary>
    private const int RunBits = 64 - Precision;

    /// <summary>As many hashes as take the memory of the registers.</summary>
    private const int HashesMax = Registers / sizeof(ulong);
    private const int HashesMin = 2;

    /// <summary>Six bits hold a run and its end, at most 53.</summary>
    private const int PackedRegisters = Registers * 6 / 8;

    /// <summary>Distinct hashes in order while they are few; null once dense.</summary>
    private ulong[]? _hashes = [];
    private int _hashCount;
    private byte[] _registers = [];

    /// <summary>Whether the count is that of a list and not of registers.</summary>
    public bool IsExact => _hashes is not null;

    /// <summary>Memory, in bytes: the object, and the list or the registers with their array head.</summary>
    public long Bytes => ObjectBytes.Of(fields: 3) + ObjectBytes.Array(_hashes?.Length ?? 0, sizeof(ulong)) + ObjectBytes.Array(_registers.Length, 1);

    public void Add(ulong hash)
    {
        if (_hashes is not null)
        {
            AddToList(hash);
        }
        else
        {
            AddToRegisters(hash);
        }
    }

    public void Merge(HyperLogLog other)
    {
        if (other._hashes is { } hashes)
        {
            for (int index = 0; index < other._hashCount; index++)
            {
                Add(hashes[index]);
            }

            return;
        }

        ToRegisters();
        for (int index = 0; index < Registers; index++)
        {
            _registers[index] = Math.Max(_registers[index], other._registers[index]);
        }
    }

    /// <summary>How many distinct hashes there were, to the nearest whole number.</summary>
    public long Estimate()
    {
        if (_hashes is not null)
        {
            return _hashCount;
        }

        Span<int> histogram = stackalloc int[RunBits + 2];
        histogram.Clear();
        foreach (byte register in _registers)
        {
            histogram[register]++;
        }

        double sum = Registers * Tau(1 - ((double)histogram[RunBits + 1] / Registers));
        for (int run = RunBits; run >= 1; run--)
        {
            sum = 0.5 * (sum + histogram[run]);
        }

        sum += Registers * Sigma((double)histogram[0] / Registers);
        return (long)Math.Round((double)Registers * Registers / (2 * Math.Log(2) * sum));
    }

    /// <summary>Whether both would answer every question alike, now and after any further value.</summary>
    public bool HasSameState(HyperLogLog other) =>
        IsExact == other.IsExact && _registers.AsSpan().SequenceEqual(other._registers)
        && _hashes.AsSpan(0, _hashes is null ? 0 : _hashCount).SequenceEqual(other._hashes.AsSpan(0, other._hashes is null ? 0 : other._hashCount));

    public void Save(StateWriter to)
    {
        to.Packed((ulong)_hashCount);
        if (_hashes is not null)
        {
            to.Int64s(MemoryMarshal.Cast<ulong, long>(_hashes.AsSpan(0, _hashCount)));
            return;
        }

        Span<byte> packed = to.Take(PackedRegisters);
        for (int from = 0; from < Registers; from += 4, packed = packed[3..])
        {
            int four = _registers[from] | (_registers[from + 1] << 6) | (_registers[from + 2] << 12) | (_registers[from + 3] << 18);
            (packed[0], packed[1], packed[2]) = ((byte)four, (byte)(four >> 8), (byte)(four >> 16));
        }
    }

    /// <param name="from">Where it stands.</param>
    /// <param name="rows">How many values were added, at least one.</param>
    public static HyperLogLog Load(ref StateReader from, long rows)
    {
        var sketch = new HyperLogLog();
        int count = (int)from.PackedWithin(0, Math.Min(HashesMax, rows));
        if (count == 0)
        {
            sketch.LoadRegisters(from.Raw(PackedRegisters));
            return sketch;
        }

        sketch._hashes = new ulong[Math.Max(HashesMin, BitOperations.RoundUpToPowerOf2((uint)from.Fitting(count, sizeof(ulong))))];
        sketch._hashCount = count;
        Span<ulong> hashes = sketch._hashes.AsSpan(0, count);
        from.Int64s(MemoryMarshal.Cast<ulong, long>(hashes));
        for (int index = 1; index < count; index++)
        {
            if (hashes[index] <= hashes[index - 1])
            {
                throw new StateFormatException("hashes of distinct values do not ascend");
            }
        }

        return sketch;
    }

    private void LoadRegisters(ReadOnlySpan<byte> packed)
    {
        ToRegisters();
        for (int to = 0; to < Registers; to += 4, packed = packed[3..])
        {
            int four = packed[0] | (packed[1] << 8) | (packed[2] << 16);
            (_registers[to], _registers[to + 1], _registers[to + 2], _registers[to + 3]) = ((byte)(four & 63), (byte)((four >> 6) & 63), (byte)((four >> 12) & 63), (byte)(four >> 18));
        }

        if (_registers.AsSpan().ContainsAnyExceptInRange((byte)0, (byte)(RunBits + 1)))
        {
            throw new StateFormatException("a register counts a run of zeros that no hash has");
        }
    }

    private void AddToList(ulong hash)
    {
        int at = _hashes.AsSpan(0, _hashCount).BinarySearch(hash);
        if (at >= 0)
        {
            return;
        }

        if (_hashCount == HashesMax)
        {
            ToRegisters();
            AddToRegisters(hash);
            return;
        }

        if (_hashCount == _hashes!.Length)
        {
            Array.Resize(ref _hashes, Math.Max(HashesMin, _hashCount * 2));
        }

        at = ~at;
        _hashes.AsSpan(at, _hashCount - at).CopyTo(_hashes.AsSpan(at + 1));
        _hashes![at] = hash;
        _hashCount++;
    }

    private void ToRegisters()
    {
        if (_hashes is not { } hashes)
        {
            return;
        }

        _hashes = null;
        _registers = new byte[Registers];
        for (int index = 0; index < _hashCount; index++)
        {
            AddToRegisters(hashes[index]);
        }

        _hashCount = 0;
    }

    private void AddToRegisters(ulong hash)
    {
        // The bit set below the run ends it after 52 zeros.
        ulong run = (hash << Precision) | (1UL << (Precision - 1));
        ref byte register = ref _registers[hash >> RunBits];
        register = Math.Max(register, (byte)(BitOperations.LeadingZeroCount(run) + 1));
    }

    /// <summary>x + sum of x^(2^k)·2^(k-1): what empty registers say.</summary>
    private static double Sigma(double x)
    {
        if (x == 1)
        {
            return double.PositiveInfinity;
        }

        double weight = 1;
        double sum = x;
        double before;
        do
        {
            x *= x;
            before = sum;
            sum += x * weight;
            weight += weight;
        }
        while (sum != before);
        return sum;
    }

    /// <summary>(1 - x - sum of (1 - x^(2^-k))²·2^-k) / 3: what full registers say.</summary>
    private static double Tau(double x)
    {
        if (x is 0 or 1)
        {
            return 0;
        }

        double weight = 1;
        double sum = 1 - x;
        double before;
        do
        {
            x = Math.Sqrt(x);
            before = sum;
            weight *= 0.5;
            sum -= (1 - x) * (1 - x) * weight;
        }
        while (sum != before);
        return sum / 3;
    }
}
