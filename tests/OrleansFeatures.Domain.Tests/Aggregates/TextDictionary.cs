using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.Aggregates;

/// <summary>Codes for texts in the order in which they first come.</summary>
internal sealed class TextDictionary : ITextCodes
{
    private readonly Dictionary<string, int> _codes = new(StringComparer.Ordinal);
    private readonly List<string> _texts = [];

    public long CodeOf(string text)
    {
        if (_codes.TryGetValue(text, out int code))
        {
            return code;
        }

        _codes[text] = _texts.Count;
        _texts.Add(text);
        return _texts.Count - 1;
    }

    public string Text(long code) => _texts[(int)code];

    public int Compare(long left, long right) => Utf8Order.Compare(Text(left), Text(right));
}
