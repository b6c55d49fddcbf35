namespace OrleansFeatures.Domain;

/// <summary>
/// A bug of ours: state that no sequence of events can lead to. Never caused by input. The host drops the entity's memory
/// and rebuilds it from the log.
/// </summary>
public sealed class InvariantException(string message) : Exception(message)
{
    /// <summary>An always-on check: it stays in release builds because a wrong feature costs more than a comparison.</summary>
    public static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new InvariantException(message);
        }
    }
}
