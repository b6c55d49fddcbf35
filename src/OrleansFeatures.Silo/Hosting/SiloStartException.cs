namespace OrleansFeatures.Silo.Hosting;

/// <summary>The silo cannot start as asked; the message says why and what to do. The store was not changed.</summary>
/// <param name="message">The place, what is wrong there, what to do.</param>
/// <param name="unreachable">Something that the silo needs does not answer; another try may succeed.</param>
/// <param name="cause">What failed, where something did.</param>
public sealed class SiloStartException(string message, bool unreachable = false, Exception? cause = null) : Exception(message, cause)
{
    public bool Unreachable => unreachable;
}
