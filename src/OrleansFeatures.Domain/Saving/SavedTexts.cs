using OrleansFeatures.Domain.Memory;

namespace OrleansFeatures.Domain.Saving;

/// <summary>
/// Texts of rows that are saved together: each is written where a row first names it, and by its number from then on.
/// <code>
///   [ number : 4 ]                                      -1 is null; a number given before: the same text again
///   [ number : 4 ][ length : 4 ][ UTF-8 ]               the next number: a text that comes for the first time
/// </code>
/// </summary>
internal sealed class SavedTexts
{
    private const int Null = -1;
    private readonly Dictionary<uint, int> _numbers = [];

    public void Clear() => _numbers.Clear();

    public void Save(StateWriter to, TextPool texts, long code)
    {
        if (code == 0)
        {
            to.Int32(Null);
        }
        else if (_numbers.TryGetValue((uint)code, out int number))
        {
            to.Int32(number);
        }
        else
        {
            to.Int32(_numbers.Count);
            _numbers[(uint)code] = _numbers.Count;
            to.Bytes(texts.Utf8(code));
        }
    }
}

/// <summary>The same texts coming back, each under a code of the memory that it is loaded into.</summary>
internal sealed class LoadedTexts
{
    private const int Null = -1;
    private readonly List<uint> _codes = [];

    public void Clear() => _codes.Clear();

    /// <summary>The text's code, which one more row now holds.</summary>
    public long Load(ref StateReader from, TextPool texts)
    {
        int number = from.Int32();
        if (number == Null)
        {
            return 0;
        }

        if ((uint)number < (uint)_codes.Count)
        {
            texts.Retain(_codes[number]);
            return _codes[number];
        }

        if (number != _codes.Count)
        {
            throw new StateFormatException($"text {number} comes where {_codes.Count} texts are known");
        }

        ReadOnlySpan<byte> utf8 = from.Bytes();
        if (utf8.Length > Limits.FieldBytesMax)
        {
            throw new StateFormatException($"a text of {utf8.Length} bytes; {Limits.FieldBytesMax} are possible");
        }

        uint code = texts.Add(utf8);
        _codes.Add(code);
        return code;
    }
}
