namespace OrleansFeatures.Domain.Expressions;

internal enum TokenKind
{
    End,
    Identifier,
    Integer,
    Decimal,
    Text,
    Symbol,
}

/// <summary>One word of an expression. <paramref name="Text"/> is the spelling, but for a string literal its value.</summary>
internal readonly record struct Token(TokenKind Kind, string Text, int Column)
{
    public bool Is(string symbol) => Kind == TokenKind.Symbol && Text == symbol;

    public bool IsWord(string word) => Kind == TokenKind.Identifier && Text == word;

    public string Described => Kind switch
    {
        TokenKind.End => "the end of the expression",
        TokenKind.Text => "a string",
        _ => $"'{Text}'",
    };
}
