namespace OrleansFeatures.Domain.Aggregates;

/// <summary>
/// What the codes of text columns stand for. A column of text holds a code where a column of numbers holds the number: equal texts have equal
/// codes, so counting and telling apart need no text at all; the codes' own order means nothing.
/// </summary>
internal interface ITextCodes
{
    string Text(long code);

    /// <summary>The order of the two texts, bytewise over UTF-8.</summary>
    int Compare(long left, long right);
}
