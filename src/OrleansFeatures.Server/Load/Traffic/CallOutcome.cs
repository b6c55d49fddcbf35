using System.Text;
using Grpc.Core;

namespace OrleansFeatures.Server.Load.Traffic;

/// <summary>How a gRPC call ended, as a load run counts it.</summary>
internal static class CallOutcome
{
    private static readonly Dictionary<StatusCode, string> Names = Enum.GetValues<StatusCode>().ToDictionary(code => code, NameOf);

    public static LoadOutcome Of(RpcException exception) => new(Names[exception.StatusCode], exception.Status.Detail);

    /// <summary>As gRPC spells it: RESOURCE_EXHAUSTED, not ResourceExhausted.</summary>
    private static string NameOf(StatusCode code)
    {
        var name = new StringBuilder();
        foreach (char letter in code.ToString())
        {
            if (char.IsUpper(letter) && name.Length > 0 && code != StatusCode.OK)
            {
                name.Append('_');
            }

            name.Append(char.ToUpperInvariant(letter));
        }

        return name.ToString();
    }
}
