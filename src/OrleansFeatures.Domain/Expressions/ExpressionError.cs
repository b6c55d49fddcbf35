namespace OrleansFeatures.Domain.Expressions;

/// <summary>
/// Why an expression was refused. <paramref name="Column"/> counts UTF-16 code units of the expression's text from 1.
/// <paramref name="Suggestion"/> says what to write instead and is never empty.
/// </summary>
public sealed record ExpressionError(int Column, string Message, string Suggestion);
