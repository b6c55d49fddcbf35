using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;

namespace OrleansFeatures.Silo.Tests.Kit;

/// <summary>A silo that can be cut off from all others: it goes on with what it does, and answers nobody any more, as one that hangs or whose network is gone.</summary>
internal sealed class Isolation
{
    private readonly Lock _gate = new();
    private readonly HashSet<ConnectionContext> _open = [];
    private bool _isCut;

    /// <summary>One for each silo that is built; found among its services.</summary>
    public static void Configure(ISiloBuilder silo)
    {
        var isolation = new Isolation();
        silo.Services.AddSingleton(isolation);
        silo.Configure<SiloConnectionOptions>(options =>
        {
            options.ConfigureSiloInboundConnection(connection => connection.Use(isolation.Through));
            options.ConfigureSiloOutboundConnection(connection => connection.Use(isolation.Through));
        });
    }

    public void Cut()
    {
        ConnectionContext[] open;
        lock (_gate)
        {
            _isCut = true;
            open = [.. _open];
        }

        foreach (ConnectionContext connection in open)
        {
            connection.Abort(new ConnectionAbortedException("the test has cut the silo off"));
        }
    }

    private ConnectionDelegate Through(ConnectionDelegate next) => async connection =>
    {
        bool isCut;
        lock (_gate)
        {
            isCut = _isCut;
            _open.Add(connection);
        }

        if (isCut)
        {
            connection.Abort(new ConnectionAbortedException("the test has cut the silo off"));
        }

        try
        {
            await next(connection);
        }
        finally
        {
            lock (_gate)
            {
                _open.Remove(connection);
            }
        }
    };
}
