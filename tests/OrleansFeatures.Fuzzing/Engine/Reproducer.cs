using System.Security.Cryptography;

namespace OrleansFeatures.Fuzzing.Engine;

/// <summary>Inputs as files, named by their content.</summary>
internal static class Reproducer
{
    public static string Write(string folder, string target, string kind, byte[] input)
    {
        string directory = Path.Combine(folder, target);
        Directory.CreateDirectory(directory);
        string path = Path.Combine(directory, $"{kind}-{NameOf(input)}.bin");
        File.WriteAllBytes(path, input);
        return path;
    }

    public static string NameOf(byte[] input) => Convert.ToHexStringLower(SHA256.HashData(input).AsSpan(0, 6));

    /// <summary>Makes a crashing input smaller while it crashes in the same way: leaves out halves, quarters, ... single bytes, then turns bytes into zeros.</summary>
    public static Crash Minimised(Execution execution, Crash crash)
    {
        int runs = 0;
        Crash best = crash;
        bool Try(byte[] input)
        {
            if (runs++ >= Limits.MinimiserRunsMax || execution.Run(input, out _) is not { } again || again.Key != crash.Key)
            {
                return false;
            }

            best = again;
            return true;
        }

        for (int part = Math.Max(1, best.Input.Length / 2); part > 0 && runs < Limits.MinimiserRunsMax; part /= 2)
        {
            for (int from = 0; from < best.Input.Length;)
            {
                byte[] input = best.Input;
                from += Try([.. input[..from], .. input[Math.Min(input.Length, from + part)..]]) ? 0 : part;
            }
        }

        for (int at = 0; at < best.Input.Length && runs < Limits.MinimiserRunsMax; at++)
        {
            if (best.Input[at] is not (0 or (byte)'0'))
            {
                byte[] input = [.. best.Input];
                input[at] = 0;
                Try(input);
            }
        }

        return best;
    }
}
