namespace OrleansFeatures.Server.Load;

/// <summary>How one request ended.</summary>
/// <param name="Code">The protocol's name for it: <see cref="Ok"/>, RESOURCE_EXHAUSTED, HTTP_503. There are few different ones.</param>
/// <param name="Detail">What the server said of a failure, for a person; empty of a success.</param>
internal readonly record struct LoadOutcome(string Code, string Detail)
{
    public const string Ok = "OK";

    /// <summary>No answer within the time that the caller gave.</summary>
    public const string DeadlineExceeded = "DEADLINE_EXCEEDED";

    public static LoadOutcome Answered => new(Ok, "");

    public bool IsOk => Code == Ok;
}

/// <summary>
/// Sends one request. <see cref="SendAsync"/> is called on the pacing thread, where whatever it takes delays all later requests: it must come to its first wait
/// within some ten microseconds, and what has more to do, such as building a large batch, goes to the thread pool first. It never throws: every failure of
/// the server or the way to it is an outcome. It ends soon after the token fires.
/// </summary>
internal interface ILoadTarget
{
    Task<LoadOutcome> SendAsync(CancellationToken abandoned);
}
