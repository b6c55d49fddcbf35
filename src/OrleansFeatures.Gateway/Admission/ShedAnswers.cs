using Microsoft.AspNetCore.Http;
using OrleansFeatures.Gateway.Rest;

namespace OrleansFeatures.Gateway.Admission;

/// <summary>What a refused call is told. Made once: to refuse must cost as little as can be.</summary>
internal static class ShedAnswers
{
    private static readonly (Failure Failure, KeyValuePair<string, string>[] Grpc)[,] Known = Make();

    public static Task WriteAsync(HttpContext context, CallClass kind, Shed reason, bool isGrpc)
    {
        ref readonly (Failure Failure, KeyValuePair<string, string>[] Grpc) answer = ref Known[(int)kind, (int)reason];
        if (!isGrpc)
        {
            return Problems.WriteAsync(context, answer.Failure);
        }

        // One frame of headers ends the call; the body, of which nothing has been read, is told to stop.
        context.Response.ContentType = "application/grpc";
        foreach ((string name, string value) in answer.Grpc)
        {
            context.Response.Headers[name] = value;
        }

        return Task.CompletedTask;
    }

    private static (Failure, KeyValuePair<string, string>[])[,] Make()
    {
        var known = new (Failure, KeyValuePair<string, string>[])[Enum.GetValues<CallClass>().Length, Enum.GetValues<Shed>().Length];
        foreach (CallClass kind in new[] { CallClass.Lookup, CallClass.Ingest })
        {
            foreach (Shed reason in new[] { Shed.Queue, Shed.Calls, Shed.Client, Shed.Late })
            {
                Failure failure = Failures.Of(RefusalOf(kind, reason));
                known[(int)kind, (int)reason] = (failure, [.. Failures.GrpcHeaders(failure)]);
            }
        }

        return known;
    }

    private static RequestRefusedException RefusalOf(CallClass kind, Shed reason)
    {
        string calls = kind == CallClass.Lookup ? "lookups" : "pushes";
        return reason switch
        {
            Shed.Queue => Refuse.Busy("", $"the server has more calls than it can answer in time, and sheds {calls}", $"try again after {Limits.RetryAfterMs} ms, and wait longer each time"),
            Shed.Calls => Refuse.Busy("", $"too many {calls} are under way", $"try again after {Limits.RetryAfterMs} ms, or have the operator raise the limit"),
            Shed.Client => Refuse.Busy(CallAdmission.ClientHeader, $"this client has too many {calls} under way", "send fewer at once, or several rows in one"),
            _ => Refuse.OutOfTime("", "the call waited for a thread until its deadline had passed", "give it more time, or send fewer calls"),
        };
    }
}
