namespace OrleansFeatures.Gateway;

/// <summary>In which way a request as a whole cannot be served.</summary>
public enum RefusalKind
{
    /// <summary>The request contradicts the contract or the definitions.</summary>
    InvalidArgument,

    /// <summary>It names something that does not exist.</summary>
    NotFound,

    /// <summary>It would be fine in another state of the store.</summary>
    FailedPrecondition,

    /// <summary>It names a place that the log does not hold any more, or not yet.</summary>
    OutOfRange,

    /// <summary>The store is full at the moment; the same request may succeed later.</summary>
    Exhausted,

    /// <summary>It did not happen within the caller's patience.</summary>
    OutOfTime,

    /// <summary>The server is stopping.</summary>
    Stopping,

    /// <summary>None of the forms that the answer could take is among those that the caller accepts.</summary>
    NotAcceptable,

    /// <summary>The request's body is in a form that is not read here.</summary>
    Unreadable,

    /// <summary>A page of another origin asks, which this server was not told to trust.</summary>
    Forbidden,
}

/// <summary>Why a request as a whole was refused: the place in the request, what is wrong there, what to do about it.</summary>
public sealed record RequestRefusal(RefusalKind Kind, string Field, string Reason, string Fix)
{
    public string Message => Field.Length == 0 ? $"{Reason}; {Fix}" : $"{Field}: {Reason}; {Fix}";
}

/// <summary>
/// Carries a refusal out of the code that every transport shares. It is an exception because a gRPC handler has no other way to answer with a
/// status; <see cref="Failures"/> turns it into one. Refusals of single events are values (<c>EventRefusal</c>).
/// </summary>
public sealed class RequestRefusedException(RequestRefusal refusal) : Exception(refusal.Message)
{
    public RequestRefusal Refusal => refusal;
}

/// <summary>Makes refusals: <c>throw Refuse.Argument("rows", "…", "…")</c>.</summary>
internal static class Refuse
{
    public static RequestRefusedException Argument(string field, string reason, string fix) => Of(RefusalKind.InvalidArgument, field, reason, fix);

    public static RequestRefusedException Unknown(string field, string reason, string fix) => Of(RefusalKind.NotFound, field, reason, fix);

    public static RequestRefusedException State(string field, string reason, string fix) => Of(RefusalKind.FailedPrecondition, field, reason, fix);

    public static RequestRefusedException OutOfRange(string field, string reason, string fix) => Of(RefusalKind.OutOfRange, field, reason, fix);

    public static RequestRefusedException Full() =>
        Of(RefusalKind.Exhausted, "", "the store takes no more events at the moment; nothing of this batch was kept", $"send it again after {Limits.RetryAfterMs} ms, or push over a stream, which waits by itself");

    public static RequestRefusedException Busy(string field, string reason, string fix) => Of(RefusalKind.Exhausted, field, reason, fix);

    public static RequestRefusedException OutOfTime(string field, string reason, string fix) => Of(RefusalKind.OutOfTime, field, reason, fix);

    public static RequestRefusedException NotAcceptable(string reason, string fix) => Of(RefusalKind.NotAcceptable, "Accept", reason, fix);

    public static RequestRefusedException Unreadable(string header, string reason, string fix) => Of(RefusalKind.Unreadable, header, reason, fix);

    public static RequestRefusedException Forbidden(string header, string reason, string fix) => Of(RefusalKind.Forbidden, header, reason, fix);

    public static RequestRefusedException Stopping() =>
        Of(RefusalKind.Stopping, "", "the server is shutting down", "connect again and repeat what was not acknowledged");

    private static RequestRefusedException Of(RefusalKind kind, string field, string reason, string fix) => new(new RequestRefusal(kind, field, reason, fix));
}
