from twisted.python import usage
class Options(usage.Options): pass
def makeService(o): pass
