namespace OrleansFeatures.Domain.Expressions;

/// <summary>Cuts an expression's text into words. Stops at the first character that begins none.</summary>
internal sealed class Lexer(string text)
{
    private static readonly string[] Symbols = ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "+", "-", "*", "/", "%", "(", ")", "[", "]", ",", ".", "?", ":"];

    private readonly List<Token> _tokens = [];
    private int _at;

    /// <summary>All words, the last one <see cref="TokenKind.End"/>; null with an error.</summary>
    public List<Token>? Read(out ExpressionError? error)
    {
        error = null;
        while (_at < text.Length && error is null)
        {
            char c = text[_at];
            if (c is ' ' or '\t' or '\r' or '\n')
            {
                _at++;
            }
            else if (IsRawPrefix(c))
            {
                _at++;
                error = ReadText(raw: true);
            }
            else if (c is '"' or '\'')
            {
                error = ReadText(raw: false);
            }
            else if (char.IsAsciiLetter(c) || c == '_')
            {
                ReadIdentifier();
            }
            else if (char.IsAsciiDigit(c) || (c == '.' && _at + 1 < text.Length && char.IsAsciiDigit(text[_at + 1])))
            {
                error = ReadNumber();
            }
            else
            {
                error = ReadSymbol();
            }
        }

        _tokens.Add(new Token(TokenKind.End, "", text.Length + 1));
        return error is null ? _tokens : null;
    }

    private bool IsRawPrefix(char c) => c is 'r' or 'R' && _at + 1 < text.Length && text[_at + 1] is '"' or '\'';

    /// <summary>A word, perhaps with the version of what it names: customer_spend@2.</summary>
    private void ReadIdentifier()
    {
        int start = _at;
        SkipWhile(c => char.IsAsciiLetterOrDigit(c) || c == '_');
        if (_at + 1 < text.Length && text[_at] == '@' && char.IsAsciiDigit(text[_at + 1]))
        {
            _at++;
            SkipWhile(char.IsAsciiDigit);
        }

        Add(TokenKind.Identifier, start);
    }

    private ExpressionError? ReadNumber()
    {
        int start = _at;
        if (text[_at] == '0' && _at + 1 < text.Length && text[_at + 1] is 'x' or 'X')
        {
            _at += 2;
            SkipWhile(char.IsAsciiHexDigit);
            return EndNumber(TokenKind.Integer, start);
        }

        TokenKind kind = TokenKind.Integer;
        SkipWhile(char.IsAsciiDigit);
        if (_at + 1 < text.Length && text[_at] == '.' && char.IsAsciiDigit(text[_at + 1]))
        {
            kind = TokenKind.Decimal;
            _at++;
            SkipWhile(char.IsAsciiDigit);
        }

        if (_at < text.Length && text[_at] is 'e' or 'E')
        {
            kind = TokenKind.Decimal;
            _at++;
            _at += _at < text.Length && text[_at] is '+' or '-' ? 1 : 0;
            SkipWhile(char.IsAsciiDigit);
        }

        return EndNumber(kind, start);
    }

    private ExpressionError? EndNumber(TokenKind kind, int start)
    {
        if (_at < text.Length && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] == '_'))
        {
            string suggestion = text[_at] is 'u' or 'U' ? "there are no unsigned numbers: leave the 'u' out" : "separate the number from the next word; durations are written duration(\"1h\")";
            return new ExpressionError(start + 1, $"the number '{text[start..(_at + 1)]}' is not a number", suggestion);
        }

        Add(kind, start);
        return null;
    }

    private ExpressionError? ReadText(bool raw)
    {
        int start = _at;
        StringLiteral literal = StringLiteral.Read(text, start, raw);
        _at = literal.End;
        if (literal.Error is null)
        {
            _tokens.Add(new Token(TokenKind.Text, literal.Value, start + 1));
        }

        return literal.Error;
    }

    private ExpressionError? ReadSymbol()
    {
        foreach (string symbol in Symbols)
        {
            if (text.AsSpan(_at).StartsWith(symbol, StringComparison.Ordinal))
            {
                _at += symbol.Length;
                Add(TokenKind.Symbol, _at - symbol.Length);
                return null;
            }
        }

        string suggestion = text[_at] switch
        {
            '=' => "equality is written ==",
            '&' => "and is written &&",
            '|' => "or is written ||",
            '{' or '}' => "maps are not part of the language",
            _ => "quote text with \" or '",
        };
        string character = char.IsControl(text[_at]) || char.IsSurrogate(text[_at]) ? $"U+{(int)text[_at]:X4}" : $"'{text[_at]}'";
        return new ExpressionError(_at + 1, $"unexpected character {character}", suggestion);
    }

    private void SkipWhile(Func<char, bool> belongs)
    {
        while (_at < text.Length && belongs(text[_at]))
        {
            _at++;
        }
    }

    private void Add(TokenKind kind, int start) => _tokens.Add(new Token(kind, text[start.._at], start + 1));
}
