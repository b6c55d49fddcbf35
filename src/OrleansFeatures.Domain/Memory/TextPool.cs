using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using OrleansFeatures.Domain.Aggregates;

namespace OrleansFeatures.Domain.Memory;

/// <summary>
/// Texts as numbers: equal texts have one code, counted by how many rows hold it and forgotten with the last. A code is the handle of
/// <code>
///   [ next of its bucket : 4 ][ hash : 4 ][ rows that hold it : 4 ][ length : 4 ][ UTF-8 ... ]
/// </code>
/// so a column of texts is a column of 32-bit numbers, equality is that of numbers, and a hundred thousand rows of three currencies hold three texts. Code 0 is null.
/// </summary>
internal sealed class TextPool(SlabMemory memory) : ITextCodes
{
    private const int HashAt = 4;
    private const int RowsAt = 8;
    private const int LengthAt = 12;
    private const int HeadBytes = 16;
    private const int FirstBuckets = 64;

    private uint[] _buckets = [];
    private int _count;

    public int Count => _count;

    /// <summary>Bytes of the texts, in blocks of the slab memory.</summary>
    public long BlockBytes { get; private set; }

    /// <summary>Bytes of the table that finds them.</summary>
    public long TableBytes => _buckets.Length * sizeof(uint);

    /// <summary>The code of a text, which one more row now holds.</summary>
    public uint Add(ReadOnlySpan<byte> utf8)
    {
        if (_count >= _buckets.Length)
        {
            Grow();
        }

        uint hash = (uint)StableHash.Of(utf8);
        ref uint bucket = ref _buckets[hash & (uint)(_buckets.Length - 1)];
        for (uint code = bucket; code != 0;)
        {
            ref byte entry = ref memory.At(code);
            if (Word(ref entry, HashAt) == hash && Utf8(code).SequenceEqual(utf8))
            {
                Word(ref entry, RowsAt)++;
                return code;
            }

            code = Word(ref entry, 0);
        }

        uint added = memory.Allocate(HeadBytes + utf8.Length);
        ref byte text = ref memory.At(added);
        Word(ref text, 0) = bucket;
        Word(ref text, HashAt) = hash;
        Word(ref text, RowsAt) = 1;
        Word(ref text, LengthAt) = (uint)utf8.Length;
        utf8.CopyTo(MemoryMarshal.CreateSpan(ref Unsafe.Add(ref text, HeadBytes), utf8.Length));
        bucket = added;
        _count++;
        BlockBytes += SlabMemory.Rounded(HeadBytes + utf8.Length);
        return added;
    }

    /// <summary>One more row holds a text that another holds already.</summary>
    public void Retain(long code) => Word(ref memory.At((uint)code), RowsAt)++;

    /// <summary>One row fewer holds it; with the last its code may come to mean another text.</summary>
    public void Release(long code)
    {
        if (code == 0)
        {
            return;
        }

        ref byte entry = ref memory.At((uint)code);
        if (--Word(ref entry, RowsAt) > 0)
        {
            return;
        }

        ref uint link = ref _buckets[Word(ref entry, HashAt) & (uint)(_buckets.Length - 1)];
        while (link != (uint)code)
        {
            link = ref Word(ref memory.At(link), 0);
        }

        link = Word(ref entry, 0);
        _count--;
        int bytes = HeadBytes + (int)Word(ref entry, LengthAt);
        BlockBytes -= SlabMemory.Rounded(bytes);
        memory.Free((uint)code, bytes);
    }

    /// <summary>Valid until the text's last row has gone.</summary>
    public ReadOnlySpan<byte> Utf8(long code)
    {
        ref byte entry = ref memory.At((uint)code);
        return MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref entry, HeadBytes), (int)Word(ref entry, LengthAt));
    }

    public string Text(long code) => Encoding.UTF8.GetString(Utf8(code));

    /// <summary>Bytewise.</summary>
    public int Compare(long left, long right) => left == right ? 0 : Utf8(left).SequenceCompareTo(Utf8(right));

    /// <summary>Bytes of a text, divided by the rows that hold it.</summary>
    public double ShareOf(long code)
    {
        if (code == 0)
        {
            return 0;
        }

        ref byte entry = ref memory.At((uint)code);
        return (double)SlabMemory.Rounded(HeadBytes + (int)Word(ref entry, LengthAt)) / Word(ref entry, RowsAt);
    }

    private void Grow()
    {
        uint[] old = _buckets;
        _buckets = new uint[Math.Max(FirstBuckets, old.Length * 2)];
        foreach (uint head in old)
        {
            for (uint code = head; code != 0;)
            {
                ref byte entry = ref memory.At(code);
                uint next = Word(ref entry, 0);
                ref uint bucket = ref _buckets[Word(ref entry, HashAt) & (uint)(_buckets.Length - 1)];
                Word(ref entry, 0) = bucket;
                bucket = code;
                code = next;
            }
        }
    }

    private static ref uint Word(ref byte entry, int at) => ref Unsafe.As<byte, uint>(ref Unsafe.Add(ref entry, at));
}
