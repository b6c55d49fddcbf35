using System.CommandLine;
using OrleansFeatures.Log;
using OrleansFeatures.Server.Output;

namespace OrleansFeatures.Server.Commands;

/// <summary>A store's data directory, as the commands find it that read its files and not its server.</summary>
internal static class StoreFiles
{
    public static Option<string> Data()
    {
        Option<string> option = CommandOptions.Required("--data", "DIR", "The store's data directory, as given to serve. A server may be running over it.");
        option.Aliases.Add("--data-dir");
        return option;
    }

    public static string LogDirectory(string data) => Existing(data, "log");

    /// <summary>One for each generation of state.</summary>
    public static string[] StateDirectories(string data) => [.. Directory.GetDirectories(Existing(data, "state")).Order(StringComparer.Ordinal)];

    /// <summary>Follows work that reads files; what is wrong with them arrives as a <see cref="CommandFailure"/>.</summary>
    public static async Task<T> ReadAsync<T>(Terminal terminal, Task<T> work, Func<ProgressSample> sample)
    {
        try
        {
            await ProgressDisplay.FollowAsync(terminal, work, sample).ConfigureAwait(false);
            return await work.ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is LogException or IOException or UnauthorizedAccessException)
        {
            throw CommandFailure.Refused(exception.Message, exception);
        }
    }

    private static string Existing(string data, string part)
    {
        if (!Directory.Exists(data))
        {
            throw CommandFailure.Usage($"--data {data}: no such directory");
        }

        string directory = Path.Combine(data, part);
        return Directory.Exists(directory) ? directory : throw CommandFailure.Refused($"{data}: no {part} in this directory; give the one that serve was started with (--data)");
    }
}
