using Grpc.Core;
using Grpc.Tests.Kit;
using Microsoft.AspNetCore.Builder;

namespace Grpc.Tests.Foreign;

/// <summary>Our server with the interoperability service, and a probe for what the public cases leave out.</summary>
internal static class InteropServer
{
    public static Task<TestServer> StartAsync() => TestServer.StartAsync(
        new Probe()
            .WithEchoes()
            .OnUnary("Throw", (_, _) => throw new InvalidOperationException("a handler's own failure"))
            .OnUnary("Details", (_, _) => throw new RpcException(
                new Status(StatusCode.FailedPrecondition, "see details"),
                new Metadata { { "grpc-status-details-bin", [8, 9, 18, 3, 0xFF, 0xFE, 0] } }))
            .OnUnary("Headers", async (_, context) =>
            {
                var echoed = new Metadata();
                foreach (Metadata.Entry entry in context.RequestHeaders.Where(entry => entry.Key.StartsWith("x-", StringComparison.Ordinal)))
                {
                    echoed.Add(entry);
                    context.ResponseTrailers.Add(entry);
                }

                await context.WriteResponseHeadersAsync(echoed);
                return [];
            })
            .OnUnary("DaysLeft", (_, context) => Task.FromResult(System.Text.Encoding.ASCII.GetBytes(
                ((int)(context.Deadline - DateTime.UtcNow).TotalDays).ToString(System.Globalization.CultureInfo.InvariantCulture))))
            .OnDuplex("RefuseFirst", async (requests, _, _) =>
            {
                await requests.MoveNext();
                throw new RpcException(new Status(StatusCode.PermissionDenied, "no more"));
            }),
        map: app => app.MapGrpcService<InteropService>());
}
